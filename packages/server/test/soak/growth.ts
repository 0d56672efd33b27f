/** Whether something grew: the median of the last third of a run beside that of the middle third; the first warms up. */

export interface Sample {
  readonly residentMib: number
  readonly fileDescriptorCount: number
  readonly connectionCount: number
  /** Deliveries without a verdict. */
  readonly waitingCount: number
}

export interface Growth {
  readonly name: keyof Sample
  readonly before: number
  readonly after: number
  readonly isFlat: boolean
}

interface Allowance {
  readonly share: number
  /** Small numbers jump: a change of so many is none. */
  readonly amount: number
}

const allowances: Readonly<Record<keyof Sample, Allowance>> = {
  residentMib: { share: 0.05, amount: 4 },
  fileDescriptorCount: { share: 0.1, amount: 10 },
  connectionCount: { share: 0, amount: 1 },
  // what waits for an application that is down comes and goes with it
  waitingCount: { share: 0.5, amount: 300 },
}

export function growthOf(samples: readonly Sample[]): readonly Growth[] {
  const third = Math.floor(samples.length / 3)
  const middle = samples.slice(third, 2 * third)
  const last = samples.slice(2 * third)
  return (Object.keys(allowances) as (keyof Sample)[]).map((name) => {
    const before = median(middle.map((sample) => sample[name]))
    const after = median(last.map((sample) => sample[name]))
    const { share, amount } = allowances[name]
    return { name, before, after, isFlat: after - before <= Math.max(before * share, amount) }
  })
}

function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? 0
}
