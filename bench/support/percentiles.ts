/** How long most took, and the slowest of a hundred. */
export interface Percentiles {
  readonly p50: number
  readonly p99: number
}

/** Of at least one time. */
export function percentilesOf(times: readonly number[]): Percentiles {
  const sorted = times.toSorted((a, b) => a - b)
  const at = (share: number): number =>
    sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
  return { p50: at(0.5), p99: at(0.99) }
}
