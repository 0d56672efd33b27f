/** Runs one operation many times, a bounded number at once, and measures what it costs the server. */
import { performance } from 'node:perf_hooks'
import { percentilesOf } from './percentiles.ts'

export interface Batch {
  readonly name: string
  /** Runs before the clock: everything that the operation needs. */
  readonly prepare?: (index: number) => Promise<void>
  readonly run: (index: number) => Promise<void>
}

export interface Measured {
  readonly name: string
  readonly count: number
  readonly perSecond: number
  /** CPU milliseconds of the server (and its database) for one operation. */
  readonly cpuMs: number
  readonly p50Ms: number
  readonly p99Ms: number
}

export async function runBatch(
  batch: Batch,
  options: { readonly count: number; readonly concurrency: number; readonly cpuMs: () => number },
): Promise<Measured> {
  const { count, concurrency, cpuMs } = options
  if (batch.prepare) await forEachAtOnce(count, concurrency, batch.prepare)
  const times: number[] = []
  const cpuBefore = cpuMs()
  const startedAt = performance.now()
  await forEachAtOnce(count, concurrency, async (index) => {
    const from = performance.now()
    await batch.run(index)
    times.push(performance.now() - from)
  })
  const seconds = (performance.now() - startedAt) / 1000
  const { p50, p99 } = percentilesOf(times)
  return {
    name: batch.name,
    count,
    perSecond: count / seconds,
    cpuMs: (cpuMs() - cpuBefore) / count,
    p50Ms: p50,
    p99Ms: p99,
  }
}

/** Calls `run` for 0…count−1, `concurrency` of them at once. */
export async function forEachAtOnce(
  count: number,
  concurrency: number,
  run: (index: number) => Promise<void>,
): Promise<void> {
  let next = 0
  await Promise.all(
    Array.from({ length: Math.min(concurrency, count) }, async () => {
      while (next < count) await run(next++)
    }),
  )
}
