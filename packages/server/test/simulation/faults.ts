/** Deaths and freezes. Named places first: a uniform choice of moments misses the worst bugs (delivery.md). */
import type { GateName } from '../../src/ambient/gate.ts'
import type { SimulatedProcess, StoreLabel } from './process.ts'
import { connectionLost, type StoreEdge } from './store/simulated-store.ts'
import { later, type World } from './world.ts'

export interface CrashPlan {
  readonly place: GateName | `${StoreLabel}/${StoreEdge}`
  /** Passages that are still survived. */
  survivedCount: number
}

const gatePlaces = [
  'signOut.afterLock',
  'signOut.afterMembers',
  'signOut.beforeCommit',
  'signOut.afterCommit',
  'claim.beforeCommit',
  'claim.afterCommit',
  'prepare.beforeSign',
  'prepare.afterSign',
  'send.beforeConnect',
  'send.afterAnswer',
  'settle.beforeCommit',
  'settle.afterCommit',
  'expiry.beforeSignOut',
  'spread.beforeCommit',
  'redeliver.beforeCommit',
] as const satisfies readonly GateName[]

const commitPlaces = [
  'signOut/commit.before',
  'signOut/commit.after',
  'signOut/commit.after',
  'delivery/commit.before',
  'delivery/commit.after',
  'job/commit.before',
  'job/commit.after',
  'exchange/commit.before',
  'exchange/commit.after',
  'refresh/commit.after',
  'authorize/commit.after',
  'admin/commit.after',
] as const

export function planCrashes(world: World): void {
  const { plan, random } = world
  for (let count = plan.crashCount; count > 0; count--) {
    const place = plan.crashesAtCommit ? random.pick(commitPlaces) : random.pick(gatePlaces)
    world.crashPlans.push({ place, survivedCount: random.pick([0, 0, 0, 1, 2, 4]) })
  }
}

/** True when the process that is here dies here. */
export function diesAt(world: World, process: SimulatedProcess, place: CrashPlan['place']): boolean {
  if (!passes(world.crashPlans, place)) return false
  crash(world, process, place)
  return true
}

/** True when a plan for this place has come to its turn. */
function passes(plans: CrashPlan[], place: CrashPlan['place']): boolean {
  const index = plans.findIndex((plan) => plan.place === place)
  if (index < 0) return false
  const plan = plans[index] as CrashPlan
  if (plan.survivedCount > 0) {
    plan.survivedCount -= 1
    return false
  }
  plans.splice(index, 1)
  return true
}

/** kill -9: nothing of it goes on; the database drops its connections. Another one starts later. */
export function crash(world: World, process: SimulatedProcess, place: string): void {
  world.history.add(`${world.scheduler.now} ${process.name} dies at ${place}`)
  process.isAlive = false
  process.parked.length = 0
  world.engine.abortAll(process.turns, connectionLost())
  later(world, world.random.pick([20, 500, 3000, 3000, 35_000]), () => world.startProcess())
}

const freezePlaces = [
  'send.beforeConnect',
  'send.afterAnswer',
  'settle.beforeCommit',
  'claim.afterCommit',
  'prepare.afterSign',
] as const satisfies readonly GateName[]

/** SIGSTOP where it hurts: between the claim and the settlement. */
export function planFreezes(world: World): void {
  const { plan, random } = world
  for (let count = plan.freezeCount; count > 0; count--) {
    world.freezePlans.push({ place: random.pick(freezePlaces), survivedCount: random.pick([0, 0, 1, 3]) })
  }
}

export function freezesAt(world: World, process: SimulatedProcess, place: GateName): void {
  if (passes(world.freezePlans, place)) freeze(world, process)
}

/** SIGSTOP: its work waits; the database gives up on its open transactions after a while. */
function freeze(world: World, process: SimulatedProcess): void {
  if (process.isFrozen) return
  world.history.add(`${world.scheduler.now} ${process.name} freezes`)
  process.isFrozen = true
  process.wasFrozen = true
  world.scheduler.after(world.owner, 15_000, () => {
    if (process.isFrozen) world.engine.abortAll(process.turns, connectionLost())
  })
  later(
    world,
    world.random.pick([5000, world.random.between(29_000, 62_000), world.random.between(29_000, 62_000)]),
    () => {
      world.history.add(`${world.scheduler.now} ${process.name} wakes`)
      world.scheduler.thaw(process)
    },
  )
}

/** A step of one node's clock (F-28). */
export function stepClock(world: World): void {
  const process = world.random.pick(world.processes)
  process.clockOffsetMs += world.random.pick([-300_000, -60_000, 60_000, 300_000])
  world.history.add(`${world.scheduler.now} ${process.name} clock ${process.clockOffsetMs}`)
}
