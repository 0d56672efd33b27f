/** Whether something grew: the median of the last third of a run beside that of the middle third; the first warms up. */

export interface Sample {
  readonly residentMib: number
  readonly fileDescriptorCount: number
  readonly connectionCount: number
  /** Deliveries without a verdict. */
  readonly waitingCount: number
  /** Rows of every table that a sign-in or a sign-out writes to. */
  readonly rowCount: number
  /** Of the files: what is deleted must be used again. */
  readonly databaseMib: number
}

export interface Growth {
  readonly title: string
  /** Median of the last third. */
  readonly level: number
  readonly levelUnit: string
  /** Since the middle third; '%' of it, or as many. */
  readonly growth: number
  readonly growthUnit: '%' | ''
  readonly growthMax: number
}

interface Measure {
  readonly title: string
  readonly unit: string
  readonly growthMax: number
  /** What comes and goes in small numbers is judged by the number. */
  readonly growthUnit: '%' | ''
}

const measures: Readonly<Record<keyof Sample, Measure>> = {
  residentMib: { title: 'resident memory', unit: 'MiB', growthMax: 5, growthUnit: '%' },
  fileDescriptorCount: { title: 'file descriptors', unit: '', growthMax: 10, growthUnit: '' },
  connectionCount: { title: 'connections to the database', unit: '', growthMax: 1, growthUnit: '' },
  // what waits for an application that is down comes and goes with it
  waitingCount: { title: 'deliveries that wait', unit: '', growthMax: 300, growthUnit: '' },
  rowCount: { title: 'rows stored', unit: '', growthMax: 10, growthUnit: '%' },
  databaseMib: { title: 'size of the database', unit: 'MiB', growthMax: 15, growthUnit: '%' },
}

export function growthOf(samples: readonly Sample[]): readonly Growth[] {
  const third = Math.floor(samples.length / 3)
  const middle = samples.slice(third, 2 * third)
  const last = samples.slice(2 * third)
  return (Object.keys(measures) as (keyof Sample)[]).map((name) => {
    const { title, unit, growthMax, growthUnit } = measures[name]
    const before = median(middle.map((sample) => sample[name]))
    const level = median(last.map((sample) => sample[name]))
    const growth = growthUnit === '%' ? (100 * (level - before)) / Math.max(1, before) : level - before
    return { title, level, levelUnit: unit, growth, growthUnit, growthMax }
  })
}

export function isFlat({ growth, growthMax }: Growth): boolean {
  return growth <= growthMax
}

function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? 0
}
