/** One run's world: what is true, whatever any process believes. */
import type { Instant } from '../../src/ambient/clock.ts'
import type { Row } from '../../src/store/bulk-rows.ts'
import type { WakeChannel } from '../../src/store/store.ts'
import type { CrashPlan } from './faults.ts'
import type { History } from './history.ts'
import type { Network } from './network.ts'
import type { Plan } from './plan.ts'
import type { Planted } from './planted/planted.ts'
import type { SimulatedProcess } from './process.ts'
import type { RealmHistory } from './realm-history.ts'
import type { Owner, Scheduler } from './scheduler.ts'
import type { SeededRandom } from './seeded-random.ts'
import type { Engine } from './store/engine.ts'
import type { Slots } from './store/simulated-store.ts'

/** A client session that was ever committed: what its application knows. */
export interface KnownMember {
  readonly sid: string
  readonly clientId: string
  readonly sessionUid: string
  readonly sub: string
}

/** What a caller of a sign-out was told. */
export interface AcknowledgedSignOut {
  readonly signOutId: string
  readonly sessionUid: string | undefined
  readonly isFirst: boolean
}

export interface World {
  readonly seed: number
  readonly plan: Plan
  /** Applications that one transaction signs out of (D18). */
  readonly memberCountMax: number
  /** What to decide of the world itself; the product has a stream of its own. */
  readonly random: SeededRandom
  readonly productRandom: SeededRandom
  readonly scheduler: Scheduler
  readonly engine: Engine
  readonly slots: Slots
  readonly history: History
  readonly planted: Planted | undefined
  /** Network, people and time: never dies. */
  readonly owner: Owner
  readonly processes: SimulatedProcess[]
  readonly realm: RealmHistory
  readonly members: Map<string, KnownMember>
  readonly acknowledged: AcknowledgedSignOut[]
  /** Sessions that somebody or something meant to end. */
  readonly targeted: Set<string>
  readonly crashPlans: CrashPlan[]
  readonly freezePlans: CrashPlan[]
  network: Network
  /** Starts one more process; also after a death. */
  startProcess: () => void
  startedAt: Instant
  /** Things that are still to happen by themselves: restarts, thaws, changes. */
  pendingCount: number
  /** The operator lets the blocked address in. */
  allowsPrivate: boolean
  /** Codes and refresh tokens that somebody got an answer for. */
  readonly used: Set<string>
}

export function committedRows(world: World, table: string): ReadonlyMap<string, Row> {
  return world.engine.committed.get(table) ?? new Map()
}

export function aliveProcesses(world: World): readonly SimulatedProcess[] {
  return world.processes.filter((process) => process.isAlive && !process.isFrozen)
}

/** NOTIFY: every process hears it, its sender too; some of it gets lost (F-27). */
export function notifyAll(world: World, channel: WakeChannel, payload: string): void {
  for (const process of world.processes) {
    if (!process.isAlive || world.random.chance(world.plan.wakeLossShare)) continue
    world.scheduler.soon(process, () => process.bus.emit(channel, payload))
  }
}

/** Something that happens by itself later; the run is not over before. */
export function later(world: World, delayMs: number, run: () => void): void {
  world.pendingCount += 1
  world.scheduler.after(world.owner, delayMs, () => {
    world.pendingCount -= 1
    run()
  })
}
