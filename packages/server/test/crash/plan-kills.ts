/** When to kill what: from a seed, so that a run can be repeated. */
import { type GateName, gateNames } from '../../src/ambient/gate.ts'
import type { Dialect } from '../../src/store/store.ts'
import type { Cliff } from './crash-server.ts'

export type Kill =
  | { readonly kind: 'timed'; readonly afterMs: number }
  | { readonly kind: 'gate'; readonly cliff: Cliff }
  /** The PostgreSQL itself, under a server that goes on. */
  | { readonly kind: 'postgres'; readonly afterMs: number }

/** Nobody's load comes here: a replay, sessions that grow old, wide sign-outs (the latter two have tests of their own). */
const unvisited: readonly GateName[] = [
  'redeliver.beforeCommit',
  'expiry.beforeSignOut',
  'spread.beforeCommit',
]
const visited = gateNames.filter((name) => !unvisited.includes(name))
const arrivalMax = 4
const postgresEvery = 10
/** Within the shortest run. */
const postgresAt = 3

/** Every second kill is at a gate, all gates in turn; on PostgreSQL every tenth is the database's own. */
export function planKills(count: number, dialect: Dialect, seed: number): readonly Kill[] {
  const random = seededRandom(seed)
  const firstGate = Math.floor(random() * visited.length)
  let gateCount = 0
  return Array.from({ length: count }, (_, index): Kill => {
    const afterMs = Math.floor(20 + random() * 1500)
    if (dialect === 'postgres' && index % postgresEvery === postgresAt) return { kind: 'postgres', afterMs }
    if (index % 2 === 1) return { kind: 'timed', afterMs }
    const gate = visited[(firstGate + gateCount++) % visited.length] as GateName
    return { kind: 'gate', cliff: { gate, arrival: 1 + Math.floor(random() * arrivalMax) } }
  })
}

/** Mulberry32: small, and the same everywhere. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
