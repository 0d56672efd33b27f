/**
 * `npm run proof [-- --quick] [--parts crash,races,processes,delivery,soak] [--kills 200] [--soak-minutes 30]`: runs
 * what is claimed of delivery, one after the other, and writes what came out, with the commands, to docs/proof.md after each. A part
 * that is not asked for keeps what it had. A whole run takes about two hours on two cores, of which the soak is one;
 * `--quick` ten minutes.
 */
import { spawn } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { cpus, totalmem } from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'

interface Proof {
  readonly part: 'crash' | 'races' | 'processes' | 'delivery' | 'soak'
  readonly title: string
  /** What must come out. */
  readonly bar: string
  /** True for a run that prints figures and judges none: the page leaves that to its reader. */
  readonly isUnjudged?: true
  readonly command: readonly string[]
  readonly quick: readonly string[]
}

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    parts: { type: 'string' },
    kills: { type: 'string', default: '200' },
    'soak-minutes': { type: 'string', default: '30' },
  },
})

const proofs: readonly Proof[] = [
  {
    part: 'crash',
    title: 'Nothing acknowledged is lost when the server, or PostgreSQL, is killed',
    bar: `0 lost, 0 told without being asked, 0 doors open, in ${values.kills} kills on each database`,
    command: ['crash', '--', '--quiet', '--kills', values.kills],
    quick: ['crash', '--', '--quiet', '--kills', '10'],
  },
  {
    part: 'races',
    title: 'Every order of every race, and every fault of the database',
    bar: 'all tests pass',
    command: ['test', '--', 'packages/server/test/{race,fault,store}/*.test.ts'],
    quick: ['test', '--', 'packages/server/test/{race,fault,store}/*.test.ts'],
  },
  {
    part: 'processes',
    title: 'Many processes on one database: any of them serves, any of them takes over',
    bar: 'what a killed process held is told by another within 35 s',
    command: ['test', '--', 'packages/server/test/story/{any,another}-process-*.test.ts'],
    quick: ['test', '--', 'packages/server/test/story/{any,another}-process-*.test.ts'],
  },
  {
    part: 'delivery',
    title: 'Deliveries per second, isolation, two processes beside one, a whole realm, a long queue',
    bar: '≥ 1,000/s RS256 and ≥ 1,800/s ES256; p99 beside 10 % that hang within 500 ms of the run without them (rows are found by the sweep here, which looks once a second); ratio ≥ 1.5; acknowledged ≤ 10 s, all told ≤ 3 min; ≤ 30 MiB; claim p99 < 5 ms beside 100,000 and ≤ 20 ms beside 1,000,000',
    isUnjudged: true,
    command: ['bench', '--', 'delivery'],
    quick: ['bench', '--', 'delivery', '--scale', '0.1'],
  },
  {
    part: 'soak',
    title: 'Nothing grows under steady load',
    bar: `memory, file descriptors, connections and waiting rows flat for ${values['soak-minutes']} minutes on each database`,
    command: ['soak', '--', '--minutes', values['soak-minutes']],
    quick: ['soak', '--', '--minutes', '1'],
  },
]

const root = path.resolve(import.meta.dirname, '..')
/** A run's own words, without the warnings of the tools around it. */
const tailLineCount = 80

const page = path.join(root, 'docs/proof.md')
const wanted = values.parts?.split(',')
const known = existsSync(page) ? readFileSync(page, 'utf8').split(/^(?=## )/m) : []
/** In the order of the proofs, whichever ran when. */
const sections = new Map(proofs.map(({ title }) => [title, sectionBefore(title)]))

for (const proof of proofs) {
  if (wanted && !wanted.includes(proof.part)) continue
  const command = values.quick ? proof.quick : proof.command
  const startedAt = performance.now()
  const { code, text } = await run(command)
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(0)
  console.log(`${code === 0 ? 'holds' : 'FAILS'}  ${proof.title} (${seconds} s)`)
  if (code !== 0) process.exitCode = 1
  sections.set(proof.title, sectionOf(proof, command, code === 0, seconds, text))
  writeFileSync(page, pageOf([...sections.values()].filter((section) => section !== undefined)))
}

function sectionBefore(title: string): string | undefined {
  const section = known.find((one) => one.startsWith(`## ${title}\n`))
  return section && `${section.trimEnd()}\n`
}

function run(command: readonly string[]): Promise<{ readonly code: number | null; readonly text: string }> {
  const child = spawn('npm', ['run', '--silent', ...command], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  let text = ''
  child.stdout.on('data', (chunk) => {
    text = (text + String(chunk)).slice(-100_000)
  })
  return new Promise((resolve) => child.once('close', (code) => resolve({ code, text })))
}

function sectionOf(
  { title, bar, isUnjudged }: Proof,
  command: readonly string[],
  holds: boolean,
  seconds: string,
  text: string,
): string {
  const lines = text.trimEnd().split('\n').slice(-tailLineCount).join('\n')
  return `## ${title}

The bar: ${bar}. ${isUnjudged ? 'This is what came out:' : `It **${holds ? 'holds' : 'does not hold'}** in this run.`}

\`npm run ${command.join(' ')}\` (${seconds} s)

\`\`\`text
${lines}
\`\`\`
`
}

function pageOf(parts: readonly string[]): string {
  const [processor] = cpus()
  const machine = `${cpus().length} × ${processor?.model.trim() ?? 'unknown'}, ${(totalmem() / 2 ** 30).toFixed(0)} GiB, Node ${process.version}`
  return `# Proof

What is claimed of delivery, as it came out of \`npm run proof\` on ${machine}. Server, database and receivers share the machine; the figures are as they came.

${parts.join('\n')}`
}
