/**
 * docs/configuration.md from the settings' schema: every name in its three spellings, with default and bounds.
 */
import { flagOf, settingsSchema, variableOf } from '../../packages/server/src/config/schema.ts'

/** What is read of a setting's JSON Schema. */
export interface SettingSchema {
  readonly type?: string
  readonly description?: string
  readonly default?: unknown
  readonly minimum?: number
  readonly maximum?: number
  readonly anyOf?: readonly { readonly const?: unknown }[]
}

export const settings = Object.entries(settingsSchema.properties as Readonly<Record<string, SettingSchema>>)

export function configurationPage(): string {
  return `# Settings

<!-- Written by \`npm run docs\` from packages/server/src/config/schema.ts. -->

Every setting has one name with three spellings: \`database.url\` in the file, \`--database-url\` as a flag, \`CURFEW_DATABASE_URL\` as a variable. A flag wins over a variable, a variable over the file (\`--config FILE\`, YAML or JSON), the file over the default. Every variable has a twin that ends in \`_FILE\` and names a file with the value, for secrets.

Settings that are unknown, wrong or impossible together are refused at the start, all at once, with exit code 78.

${settings.map(([name, schema]) => sectionOf(name, schema)).join('\n')}`
}

function sectionOf(name: string, schema: SettingSchema): string {
  const facts = [
    `flag \`--${flagOf(name)}\``,
    `variable \`${variableOf(name)}\``,
    typeOf(schema),
    schema.default === undefined ? 'no default' : `default \`${JSON.stringify(schema.default)}\``,
  ]
  return `## ${name}\n\n${schema.description ?? ''}\n\n${facts.join(' · ')}\n`
}

function typeOf({ type, anyOf, minimum, maximum }: SettingSchema): string {
  if (anyOf) return anyOf.map((choice) => `\`${String(choice.const)}\``).join(' or ')
  if (type === 'integer') return `whole number from ${minimum} to ${maximum}`
  return (
    { array: 'list of texts', object: 'object, in the file only', boolean: 'true or false' }[type ?? ''] ??
    'text'
  )
}
