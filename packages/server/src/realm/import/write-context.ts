/** What the steps of writing a realm share. */
import type { Instant } from '../../ambient/clock.ts'
import type { Random } from '../../ambient/random.ts'
import type { ServerSecret } from '../../key/seal.ts'
import type { Tx } from '../../store/store.ts'

export interface WriteDeps {
  readonly secret: ServerSecret
  readonly random: Random
}

export interface WriteContext extends WriteDeps {
  readonly tx: Tx
  readonly realmId: string
  readonly isNew: boolean
  readonly at: Instant
  /** Every row that was created or changed. */
  readonly changes: RealmChange[]
  /** What was left out, and why. */
  readonly omissions: string[]
}

export interface RealmChange {
  readonly kind: 'realm' | 'key' | 'scope' | 'client' | 'role' | 'group' | 'account'
  readonly name: string
  readonly what: 'created' | 'changed'
  /** Names of the changed members; empty for a created object. Never a value. */
  readonly members: readonly string[]
}

export function created(kind: RealmChange['kind'], name: string): RealmChange {
  return { kind, name, what: 'created', members: [] }
}

export function changed(kind: RealmChange['kind'], name: string, members: readonly string[]): RealmChange {
  return { kind, name, what: 'changed', members }
}
