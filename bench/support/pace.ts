/**
 * Starts one after the other at a steady pace, whatever has become of the ones before: people do not wait for each
 * other, and a server that falls behind must not slow down what it is measured with.
 */

/** Goes on while `goesOn` says so; resolves when all that were started have ended. */
export async function runAtPace(
  perSecond: number,
  goesOn: (index: number) => boolean,
  run: (index: number) => Promise<void>,
): Promise<void> {
  const startedAt = performance.now()
  const running: Promise<void>[] = []
  for (let index = 0; goesOn(index); index++) {
    const waitMs = startedAt + (index * 1000) / perSecond - performance.now()
    if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs))
    running.push(run(index))
  }
  await Promise.all(running)
}

/** Milliseconds of the machine's clock, the same in every process, with fractions. */
export function now(): number {
  return performance.timeOrigin + performance.now()
}
