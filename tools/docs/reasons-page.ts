/**
 * docs/reasons.md: every reason code for which an application is not told, who must act, and what helps.
 */
import { type Reason, reasons } from '../../packages/server/src/sender/reason/reason.ts'

const whoActs: Readonly<Record<Reason['who'], string>> = {
  application_owner: 'the owner of the application',
  operator: 'you, who run Curfew',
  network: 'whoever runs the network between the two',
}

const groups: Readonly<Record<string, string>> = {
  config: 'What is registered',
  policy: 'What the operator allows',
  dns: 'Names',
  net: 'Connections',
  tls: 'TLS',
  http: 'HTTP',
  app: 'What the application answers',
  front: 'The browser',
  rp: 'The other direction',
  clock: 'Clocks',
  history: 'History',
  internal: 'This server',
}

export function reasonsPage(): string {
  const byGroup = Map.groupBy(Object.entries<Reason>(reasons), ([code]) => code.slice(0, code.indexOf('.')))
  const sections = [...byGroup].map(([group, entries]) => {
    const list = entries.map(([code, reason]) => section(code, reason)).join('\n')
    return `## ${groups[group] ?? group}\n\n${list}`
  })
  return `# Reasons

<!-- Written by \`npm run docs\` from packages/server/src/sender/reason/. -->

Why an application was not told, or would not be: the code as it stands at an attempt, in the console and in what the doctor prints. A code never changes its meaning. The last lines of an entry are what other programs print for the same fault.

${sections.join('\n')}`
}

function section(code: string, reason: Reason): string {
  const { node = [], java = [], other = [] } = reason.foreign ?? {}
  const foreign = [
    ['Node', node],
    ['Java, Keycloak', java],
    ['Python, curl and others', other],
  ] as const
  const lines = [
    `### ${code}`,
    `The application: ${reason.title}.`,
    `${reason.cause}\n**What helps:** ${reason.remedy}\n**Who acts:** ${whoActs[reason.who]}.`.replaceAll(
      '\n',
      '\n\n',
    ),
    ...(reason.commands ? [reason.commands.map((one) => `- ${one.for}: ${quoted(one.run)}`).join('\n')] : []),
    ...foreign
      .filter(([, texts]) => texts.length > 0)
      .map(([name, texts]) => `${name}: ${texts.map(quoted).join(', ')}`),
  ]
  return `${lines.join('\n\n')}\n`
}

function quoted(text: string): string {
  return text.includes('`') ? `\`\` ${text} \`\`` : `\`${text}\``
}
