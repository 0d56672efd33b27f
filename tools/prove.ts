/**
 * `npm run proof [-- --full] [--parts crash,races,…]`: runs what is claimed of delivery, one part after the other, and
 * prints each figure beside its bar. The short form takes about ten minutes; the full one, about an hour and a
 * half, writes docs/proof.json and docs/proof.md after each part, where a part that was not asked for keeps what it had.
 * Exit code 1 when a part says that something is wrong; a figure that falls short of its bar is marked on the page.
 */
import { execFileSync, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { cpus, tmpdir, totalmem } from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'
import type { Figure } from '../packages/server/test/support/figure.ts'
import { type ProofRecord, proofPage, readProofs } from './docs/proof-page.ts'

interface Proof {
  readonly title: string
  readonly short: readonly string[]
  readonly full: readonly string[]
}

const story = 'packages/server/test/story'
const ordersAndFaults = ['test', '--', 'packages/server/test/{race,fault,store}/*.test.ts']
const processes = ['test', '--', `${story}/{any,another}-process-*.test.ts`]

const proofs: Readonly<Record<string, Proof>> = {
  crash: {
    title: 'Nothing acknowledged is lost when the server, or PostgreSQL, is killed',
    short: ['crash', '--', '--quiet', '--kills', '10'],
    full: ['crash', '--', '--quiet', '--kills', '200'],
  },
  upgrade: {
    title: 'A newer version takes over while deliveries wait, and is taken back',
    short: ['upgrade', '--', '--pending', '600', '--phase-seconds', '1'],
    full: ['upgrade', '--', '--pending', '10000'],
  },
  explore: {
    title: 'The server says what the model says, after any commands',
    short: ['explore', '--', '--runs', '100'],
    full: ['explore', '--', '--runs', '300'],
  },
  seeds: {
    title: 'Simulated crashes, clocks and networks break no invariant',
    short: ['simulate', '--', '--seeds', '1000'],
    full: ['simulate', '--', '--seeds', '10000'],
  },
  planted: {
    title: 'The simulator finds every bug that is planted for it',
    short: ['simulate', '--', '--seeds', '10000', '--planted', 'all', '--enough', '1'],
    full: ['simulate', '--', '--seeds', '10000', '--planted', 'all', '--enough', '1'],
  },
  design: {
    title: 'The design itself holds, and does not without its locks, its one commit or its fence',
    short: ['prove:model', '--', '--runs', '2000'],
    full: ['prove:model'],
  },
  races: {
    title: 'Every order of every race, and every fault of the database',
    short: ordersAndFaults,
    full: ordersAndFaults,
  },
  processes: {
    title: 'Any process serves any request, and another one takes over',
    short: processes,
    full: processes,
  },
  delivery: {
    title: 'Deliveries under load',
    short: ['bench', '--', 'delivery', '--only', 'rate,acknowledge,isolation,bulk', '--scale', '0.1'],
    full: ['bench', '--', 'delivery'],
  },
  soak: {
    title: 'Nothing grows under steady load',
    short: ['soak', '--', '--minutes', '1'],
    full: ['soak', '--', '--minutes', '30'],
  },
}

const { values } = parseArgs({
  options: { full: { type: 'boolean', default: false }, parts: { type: 'string' } },
})
const root = path.resolve(import.meta.dirname, '..')
const wanted = values.parts?.split(',') ?? Object.keys(proofs)
const unknown = wanted.filter((part) => !(part in proofs))
if (unknown.length > 0) {
  console.error(`Which part is ${unknown.join(', ')}? There are ${Object.keys(proofs).join(', ')}.`)
  process.exit(2)
}

const done: Record<string, ProofRecord> = {}
for (const part of Object.keys(proofs).filter((one) => wanted.includes(one))) {
  const record = await prove(proofs[part] as Proof)
  done[part] = record
  if (!record.isOk) process.exitCode = 1
  if (values.full) keep(part, record)
}
if (!values.full) console.log(`\n${proofPage(done)}`)

async function prove({ title, short, full }: Proof): Promise<ProofRecord> {
  const command = values.full ? full : short
  console.log(`\n== ${title}: npm run ${command.join(' ')}`)
  const startedAt = performance.now()
  const { isOk, figures } = await run(command)
  return {
    title,
    command: `npm run ${command.join(' ')}`,
    seconds: Math.round((performance.now() - startedAt) / 1000),
    ranOn: machine(),
    commit: execFileSync('git', ['rev-parse', '--short', 'HEAD'], { cwd: root, encoding: 'utf8' }).trim(),
    isOk,
    figures,
  }
}

/** Read again before it is written: two parts may run side by side. */
function keep(part: string, record: ProofRecord): void {
  const kept: Readonly<Record<string, ProofRecord>> = { ...readProofs(), [part]: record }
  const inOrder = Object.fromEntries(
    Object.keys(proofs).flatMap((name) => (kept[name] ? [[name, kept[name]]] : [])),
  )
  writeFileSync(path.join(root, 'docs/proof.json'), `${JSON.stringify(inOrder, undefined, 2)}\n`)
  writeFileSync(path.join(root, 'docs/proof.md'), proofPage(inOrder))
}

async function run(
  command: readonly string[],
): Promise<{ readonly isOk: boolean; readonly figures: readonly Figure[] }> {
  const folder = mkdtempSync(path.join(tmpdir(), 'curfew-proof-'))
  const file = path.join(folder, 'figures')
  writeFileSync(file, '')
  try {
    const child = spawn('npm', ['run', '--silent', ...command], {
      cwd: root,
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, FIGURES_FILE: file },
    })
    let text = ''
    child.stdout.on('data', (chunk) => {
      process.stdout.write(chunk)
      text = (text + String(chunk)).slice(-10_000)
    })
    const code = await new Promise((resolve) => child.once('close', resolve))
    const lines = readFileSync(file, 'utf8').split('\n').filter(Boolean)
    const figures = lines.map((line) => JSON.parse(line) as Figure)
    return { isOk: code === 0, figures: [...testFigures(text), ...figures] }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** What a run of tests counts itself. */
function testFigures(text: string): readonly Figure[] {
  const countOf = (word: string): number | undefined => {
    const [, count] = new RegExp(`^ℹ ${word} (\\d+)$`, 'm').exec(text) ?? []
    return count === undefined ? undefined : Number(count)
  }
  const passed = countOf('pass')
  if (passed === undefined) return []
  return [
    { title: 'tests that passed', value: passed, unit: '' },
    { title: 'tests that failed', value: countOf('fail') ?? 0, unit: '', bar: { atMost: 0 } },
  ]
}

function machine(): string {
  const [processor] = cpus()
  return `${cpus().length} × ${processor?.model.trim() ?? 'unknown'}, ${(totalmem() / 2 ** 30).toFixed(0)} GiB, Node ${process.version}`
}
