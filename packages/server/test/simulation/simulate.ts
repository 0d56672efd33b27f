/**
 * `npm run simulate -- --seeds 10000`: the product's core on virtual time, a scripted network and crashes.
 *
 *   --seeds N        how many, default 10,000
 *   --from N         the first one, default 1
 *   --planted NAME   with a planted bug; `all` runs every one of them, each until it was found --enough times
 *   --enough N       how often a planted bug is to be found before the next one is run, default: all seeds are run
 *   --seed N         one seed, with its history
 */
import { execFileSync } from 'node:child_process'
import { parseArgs } from 'node:util'
import { printFigure } from '../support/figure.ts'
import { replaceSigning } from './keys.ts'
import { allPlants, plantNamed } from './planted/all-plants.ts'
import type { Planted } from './planted/planted.ts'
import { createStage, runSeed, type SeedResult } from './run-seed.ts'
import { runSeeds } from './run-seeds.ts'

const { values: flags } = parseArgs({
  options: {
    seeds: { type: 'string', default: '10000' },
    from: { type: 'string', default: '1' },
    planted: { type: 'string' },
    enough: { type: 'string' },
    seed: { type: 'string' },
  },
})

process.exitCode = flags.seed === undefined ? await runMany() : await showOne(Number(flags.seed))

async function showOne(seed: number): Promise<number> {
  replaceSigning()
  const planted = flags.planted === undefined ? undefined : plantNamed(flags.planted)
  const result = await runSeed(await createStage(), seed, { planted, keepsLines: true })
  console.log(result.lines.join('\n'))
  console.log(`seed ${seed}, ${result.stepCount} steps, history ${result.hash}`)
  if (result.failure) console.log(describe(result, planted))
  return result.failure ? 1 : 0
}

async function runMany(): Promise<number> {
  if (flags.planted === 'all') return runPlants(allPlants)
  if (flags.planted !== undefined) return runPlants([plantNamed(flags.planted)])
  const report = await runSeeds({
    from: Number(flags.from),
    count: Number(flags.seeds),
    onFailure: (failed) => console.log(describe(failed, undefined)),
  })
  console.log(
    `${report.seedCount} seeds, ${report.stepCount} steps, ${Math.round(report.seedCount / report.cpuSeconds)} seeds per second of processor time: ` +
      `${report.failures.length} violations, ${report.lostDeterminism.length} seeds that did not replay`,
  )
  const of = `simulator, ${report.seedCount} seeds`
  const none = { unit: '', bar: { atMost: 0 } } as const
  printFigure({ title: `${of}: violations`, value: report.failures.length, ...none })
  printFigure({ title: `${of}: that did not replay`, value: report.lostDeterminism.length, ...none })
  for (const seed of report.lostDeterminism) console.log(`seed ${seed} had another history the second time`)
  return report.failures.length + report.lostDeterminism.length > 0 ? 1 : 0
}

/** Every planted bug must be found; one that is not makes the exit code 1. */
async function runPlants(plants: readonly Planted[]): Promise<number> {
  let missedCount = 0
  console.log('| planted bug | seeds that found it | first at | invariant |\n|---|---|---|---|')
  for (const planted of plants) {
    const report = await runSeeds({
      from: Number(flags.from),
      count: Number(flags.seeds),
      planted,
      ...(flags.enough === undefined ? {} : { failureCountMax: Number(flags.enough) }),
    })
    const [first] = report.failures
    if (!first) missedCount += 1
    console.log(
      `| ${planted.name} | ${report.failures.length} of ${report.seedCount} | ${first?.seed ?? '–'} | ${first?.failure?.message.split('\n')[0] ?? (planted.metCount?.() === 0 ? 'its statement was never met' : 'NOT FOUND')} |`,
    )
  }
  printFigure({
    title: `planted bugs found within ${flags.seeds} seeds, of ${plants.length}`,
    value: plants.length - missedCount,
    unit: '',
    bar: { atLeast: plants.length },
  })
  return missedCount > 0 ? 1 : 0
}

function describe({ seed, failure }: SeedResult, planted: Planted | undefined): string {
  const bug = planted ? ` --planted ${planted.name}` : ''
  return `${failure?.message}\n  seed ${seed}, commit ${commitHash()}: npm run simulate -- --seed ${seed}${bug}`
}

function commitHash(): string {
  try {
    return execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim()
  } catch {
    return 'unknown'
  }
}
