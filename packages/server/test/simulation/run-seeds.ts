/** Many seeds in a row, with what S-01 and S-02 ask for: counts, the first failure, and the proof that seeds replay. */
import { replaceSigning } from './keys.ts'
import type { Planted } from './planted/planted.ts'
import { createStage, runSeed, type SeedResult } from './run-seed.ts'
import { realTurn } from './scheduler.ts'

export interface SeedsReport {
  readonly seedCount: number
  readonly stepCount: number
  /** Processor time, which other work on the machine does not change much. */
  readonly cpuSeconds: number
  readonly failures: readonly SeedResult[]
  /** Seeds whose second run had another history: the simulator itself is at fault. */
  readonly lostDeterminism: readonly number[]
}

export interface SeedsOptions {
  readonly from: number
  readonly count: number
  readonly planted?: Planted | undefined
  /** Stops after so many failures; default: never. */
  readonly failureCountMax?: number
  /** Stops when so much processor time is used; default: never. */
  readonly cpuSecondsMax?: number
  readonly onFailure?: (failed: SeedResult) => void
}

/** One seed in so many is run twice. */
const twiceEvery = 100

export async function runSeeds(options: SeedsOptions): Promise<SeedsReport> {
  const { from, count, planted } = options
  const putBack = replaceSigning()
  const stage = await createStage()
  const failures: SeedResult[] = []
  const lostDeterminism: number[] = []
  const startedCpu = process.cpuUsage().user
  const cpuSeconds = (): number => (process.cpuUsage().user - startedCpu) / 1e6
  let stepCount = 0
  let seedCount = 0
  try {
    for (let seed = from; seed < from + count; seed++) {
      const result = await runSeed(stage, seed, { planted })
      seedCount += 1
      stepCount += result.stepCount
      if (seed % twiceEvery === 0 && (await runSeed(stage, seed, { planted })).hash !== result.hash) {
        lostDeterminism.push(seed)
      }
      if (result.failure) {
        failures.push(result)
        options.onFailure?.(result)
        if (failures.length >= (options.failureCountMax ?? Number.POSITIVE_INFINITY)) break
      }
      if (seed % 20 !== 0) continue
      await realTurn()
      if (cpuSeconds() > (options.cpuSecondsMax ?? Number.POSITIVE_INFINITY)) break
    }
  } finally {
    putBack()
  }
  return { seedCount, stepCount, cpuSeconds: cpuSeconds(), failures, lostDeterminism }
}
