/**
 * One measured value beside its bar. The long runs (bench, crash, soak, simulate) print it as a line, and append it
 * as JSON to the file that FIGURES_FILE names, from which `npm run proof` makes its table.
 */
import { appendFileSync } from 'node:fs'
import type { Dialect } from '../../src/store/store.ts'

export interface Figure {
  /** What was measured, in words: 'deliveries per second, RS256'. The same text names the same figure on each database. */
  readonly title: string
  /** Undefined for what has no database: the simulator. */
  readonly dialect?: Dialect
  readonly value: number
  /** As it stands behind the value: 'ms', '/s', 'MB'; '' for a count. */
  readonly unit: string
  /** What must come out; a figure without one is told for comparison. */
  readonly bar?: Bar
}

export type Bar = { readonly atMost: number } | { readonly atLeast: number } | { readonly below: number }

const titleWidth = 72

export function printFigure(figure: Figure): void {
  const { title, dialect = '', bar } = figure
  const judged = bar ? `${describeBar(figure)}  ${isReached(figure) ? 'reached' : 'NOT REACHED'}` : ''
  console.log(
    `${dialect.padEnd(9)} ${title.padEnd(titleWidth)} ${describeValue(figure).padEnd(14)} ${judged}`,
  )
  recordFigure(figure)
}

/** For what is measured within a test, whose output is the runner's. */
export function recordFigure(figure: Figure): void {
  const file = process.env['FIGURES_FILE']
  if (file) appendFileSync(file, `${JSON.stringify(figure)}\n`)
}

export function isReached({ value, bar }: Figure): boolean {
  if (!bar) return true
  if ('atMost' in bar) return value <= bar.atMost
  if ('below' in bar) return value < bar.below
  return value >= bar.atLeast
}

export function describeValue({ value, unit }: Pick<Figure, 'value' | 'unit'>): string {
  const digits = Number.isInteger(value) || value >= 100 ? 0 : value >= 10 ? 1 : 2
  return `${value.toLocaleString('en', { maximumFractionDigits: digits })} ${unit}`.trimEnd()
}

export function describeBar({ bar, unit }: Pick<Figure, 'bar' | 'unit'>): string {
  if (!bar) return ''
  if ('atMost' in bar) return `≤ ${describeValue({ value: bar.atMost, unit })}`
  if ('below' in bar) return `< ${describeValue({ value: bar.below, unit })}`
  return `≥ ${describeValue({ value: bar.atLeast, unit })}`
}
