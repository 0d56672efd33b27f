/** The forms that a planted bug can take. The product's files are never touched: what goes in and out of them is. */

import type { SignOutView } from '../../../src/delivery/read-sign-out.ts'
import type { redeliver } from '../../../src/delivery/redeliver.ts'
import type { Sender } from '../../../src/sender/sender.ts'
import type { SignOutDeps, signOut } from '../../../src/sign-out/sign-out.ts'
import type { Store } from '../../../src/store/store.ts'
import type { SimulatedProcess, StoreLabel } from '../process.ts'
import type { World } from '../world.ts'

export interface Planted {
  readonly name: string
  /** Invariants by which it may be found. */
  readonly breaks: readonly string[]
  /** Changes the text of a statement on its way to the database. */
  readonly rewrite?: (text: string, label: StoreLabel) => string
  /** How often the statement was met: 0 says that the product writes it in another way now. */
  readonly metCount?: () => number
  readonly store?: (store: Store, label: StoreLabel, world: World, process: SimulatedProcess) => Store
  readonly sender?: (sender: Sender, world: World, process: SimulatedProcess) => Sender
  readonly signOut?: typeof signOut
  readonly expire?: (deps: SignOutDeps) => Promise<number>
  readonly redeliver?: typeof redeliver
  readonly view?: (view: SignOutView, world: World) => SignOutView
  /** How long a new key is published before it signs. */
  readonly keyLeadMs?: number
  /** The clock of the machine is taken as it is. */
  readonly trustsMachineClock?: true
}
