/** Prints the figures of one part of a bench: `rate: deliveries to 100 applications`. */
import { type Bar, printFigure } from '../../packages/server/test/support/figure.ts'
import type { DatabaseKind } from './database.ts'

/** Without a bar the figure is told for comparison. */
export type Print = (what: string, value: number, unit: string, bar?: Bar) => void

export function figuresOf(part: string, dialect: DatabaseKind): Print {
  return (what, value, unit, bar) =>
    printFigure({ title: `${part}: ${what}`, dialect, value, unit, ...(bar ? { bar } : {}) })
}
