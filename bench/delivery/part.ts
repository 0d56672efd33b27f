/** What every part of this bench is given. */
import type { DatabaseKind } from '../support/database.ts'

export interface PartOptions {
  /** 1 for the figures that are published; less for a shorter run that shows that all of it works. */
  readonly scale: number
  /** Sign-outs offered in a second where applications are ill, each of 50 applications. */
  readonly signOutsPerSecond: number
}

export type Part = (kind: DatabaseKind, options: PartOptions) => Promise<void>
