/** Row locks as PostgreSQL has them, with its table of conflicts, and the search for deadlocks. */

/** `key share` is what a foreign key's check takes on the row that it refers to. */
export const lockModes = ['key share', 'share', 'no key update', 'update'] as const
export type RowLockMode = (typeof lockModes)[number]

/** Which modes a mode conflicts with (PostgreSQL, explicit locking, row-level locks). */
const conflicts: Readonly<Record<RowLockMode, readonly RowLockMode[]>> = {
  'key share': ['update'],
  share: ['no key update', 'update'],
  'no key update': ['share', 'no key update', 'update'],
  update: lockModes,
}

export interface LockHolder {
  readonly id: number
  /** The holders that it waits for. */
  waitingFor: ReadonlySet<LockHolder> | undefined
}

interface Held<H> {
  readonly holder: H
  readonly modes: Set<RowLockMode>
}

export class RowLocks<H extends LockHolder> {
  readonly #held = new Map<string, Held<H>[]>()
  readonly #keysOf = new Map<H, Set<string>>()

  /** Who stands in the way of this lock; nobody when it could be taken. */
  blockers(holder: H | undefined, key: string, mode: RowLockMode): readonly H[] {
    const held = this.#held.get(key)
    if (!held) return []
    return held
      .filter((one) => one.holder !== holder && conflicts[mode].some((other) => one.modes.has(other)))
      .map((one) => one.holder)
  }

  /** Takes the lock; call `blockers` first. */
  take(holder: H, key: string, mode: RowLockMode): void {
    const held = this.#held.get(key) ?? []
    if (held.length === 0) this.#held.set(key, held)
    const own = held.find((one) => one.holder === holder)
    if (own) own.modes.add(mode)
    else held.push({ holder, modes: new Set([mode]) })
    const keys = this.#keysOf.get(holder)
    if (keys) keys.add(key)
    else this.#keysOf.set(holder, new Set([key]))
  }

  release(holder: H): void {
    for (const key of this.#keysOf.get(holder) ?? []) {
      const rest = (this.#held.get(key) ?? []).filter((one) => one.holder !== holder)
      if (rest.length === 0) this.#held.delete(key)
      else this.#held.set(key, rest)
    }
    this.#keysOf.delete(holder)
  }
}

/** True when waiting for these would close a circle. */
export function closesCircle(waiter: LockHolder, blockers: readonly LockHolder[]): boolean {
  const seen = new Set<LockHolder>()
  const open = [...blockers]
  for (let holder = open.pop(); holder; holder = open.pop()) {
    if (holder === waiter) return true
    if (seen.has(holder)) continue
    seen.add(holder)
    open.push(...(holder.waitingFor ?? []))
  }
  return false
}
