/** The formal model, and Quint's own commands on it. They need nothing but the package: the simulator is the one in TypeScript. */
import { spawn } from 'node:child_process'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

export const model = path.resolve(import.meta.dirname, '../../docs/model/sign-out.qnt')

export const invariants = [
  'I1_doorClosed',
  'I2_complete',
  'I4_truthful',
  'I5_terminal',
  'I6_bounded',
  'I7_fenced',
  'I12_joiner',
  'I14_crashSafe',
] as const
export type Invariant = (typeof invariants)[number]
export const eventually = 'I4_verdict'
/** The modules that are wrong on purpose, each with what refutes it. */
export const wrongVariants = {
  noLock: 'I12_joiner',
  enqueueAfterTheCommit: 'I14_crashSafe',
  noFence: 'I5_terminal',
} as const satisfies Record<string, Invariant>
export type WrongVariant = keyof typeof wrongVariants
export const wrongVariantNames = Object.keys(wrongVariants) as readonly WrongVariant[]
/** The right model, with less of the world in it: small enough to visit every state. */
export const smallVariants = ['threeApplications', 'twoApplications'] as const
export type Variant = 'curfew' | (typeof smallVariants)[number] | WrongVariant

export function isWrong(variant: Variant): variant is WrongVariant {
  return variant in wrongVariants
}

/** What is asked of a variant: of a right one all of it. */
export function askedOf(variant: Variant): readonly Invariant[] {
  return isWrong(variant) ? [wrongVariants[variant]] : invariants
}

const cli = fileURLToPath(import.meta.resolve('@informalsystems/quint/dist/src/cli.js'))

export interface Ended {
  readonly isOk: boolean
  readonly output: string
}

/** Runs a program to its end; both of its streams are the output. */
export function run(program: string, args: readonly string[]): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] })
    let output = ''
    const add = (text: string): void => {
      output += text
    }
    child.stdout.setEncoding('utf8').on('data', add)
    child.stderr.setEncoding('utf8').on('data', add)
    child.on('error', reject)
    child.on('close', (code) => resolve({ isOk: code === 0, output }))
  })
}

export interface Simulation {
  readonly variant: Variant
  readonly runCount: number
  readonly stepCount: number
}

export interface Simulated {
  /** Invariants that a run broke, in the order of their numbers. */
  readonly broken: readonly Invariant[]
  /** Runs that ended before the last step, though not everything was done: each would be a dead end. */
  readonly hasDeadEnd: boolean
  /** Runs in which everybody had a verdict at the end. */
  readonly toldCount: number
  readonly output: string
}

/** Random runs of a variant, after its types were checked. A broken invariant ends them. @throws when Quint itself fails */
export async function simulate({ variant, runCount, stepCount }: Simulation): Promise<Simulated> {
  const asked = askedOf(variant)
  const { output } = await run(process.execPath, [
    ...[cli, 'run', model, '--backend', 'typescript', '--main', variant],
    ...['--max-samples', String(runCount), '--max-steps', String(stepCount)],
    ...['--witnesses', 'isEveryoneTold', '--invariants', ...asked],
  ])
  // of one invariant Quint does not say the name
  const named = asked.filter((name) => output.includes(`❌ ${name}`))
  const broken = output.includes('[violation]') && named.length === 0 ? asked : named
  const shortest = /^Trace length statistics:.*\bmin=(\d+)/m.exec(output)?.[1]
  const told = /^isEveryoneTold was witnessed in (\d+) trace/m.exec(output)?.[1]
  if (broken.length === 0 && (shortest === undefined || told === undefined)) throw new Error(output)
  return {
    broken,
    // the first state counts as well
    hasDeadEnd: broken.length === 0 && Number(shortest) < stepCount + 1,
    toldCount: Number(told ?? 0),
    output,
  }
}

/** Writes Quint's tree of all modules, as JSON, into a file. */
export function parse(file: string): Promise<Ended> {
  return run(process.execPath, [cli, 'parse', model, '--out', file])
}
