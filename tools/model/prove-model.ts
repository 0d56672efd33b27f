/**
 * `npm run prove:model [-- --runs 10000] [--steps 40]`: what is claimed of the formal model (docs/model.md). Random
 * runs of the right model, which must hold; of the wrong variants, which must not; and, where TLC is at hand, every
 * state of both. Exit code 1 when one of these comes out otherwise.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { type Figure, isReached, printFigure } from '../../packages/server/test/support/figure.ts'
import { checkEveryState, writeForTlc } from './check-every-state.ts'
import { isWrong, simulate, smallVariants, type WrongVariant, wrongVariantNames } from './quint.ts'

const secondsForRunsMax = 60
const secondsForEveryStateMax = 600

const { values } = parseArgs({
  options: { runs: { type: 'string', default: '10000' }, steps: { type: 'string', default: '40' } },
})
const runCount = Number(values.runs)
const stepCount = Number(values.steps)

/** A machine that is busy makes nothing wrong: seconds are shown and not judged. */
function print(title: string, figure: Omit<Figure, 'title'>): void {
  printFigure({ title, ...figure })
  if (figure.unit !== 's' && !isReached({ title, ...figure })) process.exitCode = 1
}

async function secondsOf<T>(work: Promise<T>): Promise<{ readonly result: T; readonly seconds: number }> {
  const startedAt = performance.now()
  return { result: await work, seconds: Math.round((performance.now() - startedAt) / 1000) }
}

/** One process for each core: Quint's simulator uses one. */
async function runByChance(): Promise<void> {
  const processCount = availableParallelism()
  const share = { variant: 'curfew', runCount: Math.ceil(runCount / processCount), stepCount } as const
  const all = Promise.all(Array.from({ length: processCount }, () => simulate(share)))
  const { result: parts, seconds } = await secondsOf(all)
  const of = `${share.runCount * processCount} runs of ${stepCount} steps`
  const count = (what: (part: (typeof parts)[number]) => number): number =>
    parts.reduce((sum, part) => sum + what(part), 0)
  print(`${of}: invariants broken`, {
    value: count(({ broken }) => broken.length),
    unit: '',
    bar: { atMost: 0 },
  })
  print(`${of}: processes that met a dead end`, {
    value: count(({ hasDeadEnd }) => Number(hasDeadEnd)),
    unit: '',
    bar: { atMost: 0 },
  })
  print(`${of}: with a verdict for everyone`, { value: count(({ toldCount }) => toldCount), unit: '' })
  print(`${of}: time`, { value: seconds, unit: 's', bar: { atMost: secondsForRunsMax } })
  for (const { broken, output } of parts) if (broken.length > 0) console.log(output)
}

async function refuteByChance(variant: WrongVariant): Promise<void> {
  const { broken } = await simulate({ variant, runCount, stepCount })
  print(`${variant}: refuted`, { value: broken.length, unit: '', bar: { atLeast: 1 } })
}

async function visitEveryState(jar: string): Promise<void> {
  const folder = mkdtempSync(path.join(tmpdir(), 'curfew-model-'))
  try {
    const variants = [...wrongVariantNames, ...smallVariants]
    await writeForTlc(folder, variants)
    for (const variant of variants) {
      const { result, seconds } = await secondsOf(checkEveryState(jar, folder, variant))
      const { broken, stateCount, stepCount: depth, output } = result
      const of = `every state, ${variant}`
      const bar = isWrong(variant) ? { atLeast: 1 } : { atMost: 0 }
      print(`${of}: broken`, { value: broken === undefined ? 0 : 1, unit: '', bar })
      print(`${of}: states`, { value: stateCount, unit: '' })
      print(`${of}: steps`, { value: depth - 1, unit: '' })
      print(`${of}: time`, { value: seconds, unit: 's', bar: { atMost: secondsForEveryStateMax } })
      if (broken !== undefined && !isWrong(variant)) console.log(output.slice(output.indexOf('Error:')))
    }
  } finally {
    rmSync(folder, { recursive: true })
  }
}

await runByChance()
for (const variant of wrongVariantNames) await refuteByChance(variant)
const jar = process.env['TLA2TOOLS_JAR']
if (jar) await visitEveryState(jar)
else console.log('Not every state was visited: that needs Java, and TLC in TLA2TOOLS_JAR (docs/model.md).')
