/** What must hold when everything has come to rest, or when its time is over. */
import type { Row } from '../../../src/store/bulk-rows.ts'
import type { SimulatedProcess } from '../process.ts'
import { ensure } from '../violation.ts'
import { aliveProcesses, committedRows, type World } from '../world.ts'
import { namesSession } from './answer-check.ts'

/** Beyond its horizon a delivery may stay open for so long (I4). */
export const verdictGraceMs = 300_000

const open: ReadonlySet<unknown> = new Set(['pending', 'leased'])

/** True when nothing is left to be done by itself. */
export function isAtRest(world: World): boolean {
  if (world.pendingCount > 0) return false
  if (world.processes.some((process) => process.isAlive && isBusy(process))) {
    return false
  }
  for (const row of committedRows(world, 'delivery').values()) if (open.has(row['state'])) return false
  for (const row of committedRows(world, 'sign_out').values()) if (row['completed_at'] === null) return false
  const at = world.scheduler.now
  for (const row of committedRows(world, 'session').values()) {
    if (row['state'] === 'active' && Number(row['idle_until']) <= at) return false
  }
  return !world.network.requests.some((sent) => sent.outcome === undefined && sent.process.isAlive)
}

function isBusy({ openCount, isFrozen, dispatcher }: SimulatedProcess): boolean {
  return openCount > 0 || isFrozen || dispatcher.facts().inFlightCount > 0
}

/** The last instant at which something may still be open. */
export function deadlineOf(world: World): number {
  let last = world.startedAt + world.plan.chaosMs + 120_000
  const skewMs = world.plan.stepCount > 0 ? 600_000 : 0
  for (const row of committedRows(world, 'delivery').values()) {
    last = Math.max(last, Number(row['horizon_at']) + verdictGraceMs + skewMs)
  }
  return last
}

export function checkFinal(world: World): void {
  for (const [key, row] of committedRows(world, 'delivery')) checkVerdict(world, key, row)
  for (const [key, row] of committedRows(world, 'sign_out')) {
    ensure(row['completed_at'] !== null, 'I4', () => `${key} never told all its sessions`)
  }
  for (const [key, row] of committedRows(world, 'session')) checkSessionEnd(world, key, row)
  for (const { signOutId, sessionUid } of world.acknowledged) {
    ensure(
      committedRows(world, 'sign_out').has(signOutId),
      'I14',
      () => `${signOutId} was acknowledged and is lost`,
    )
    if (sessionUid === undefined) continue
    ensure(
      namesSession(world, signOutId, sessionUid),
      'I11',
      () => `${signOutId} does not name ${sessionUid}`,
    )
  }
  for (const process of aliveProcesses(world)) {
    ensure(
      process.dispatcher.facts().inFlightCount === 0,
      'I16',
      () => `${process.name} still holds tries in flight`,
    )
  }
}

function checkVerdict(world: World, key: string, row: Row): void {
  const { network } = world
  ensure(
    !open.has(row['state']),
    'I4',
    () => `${key} is ${row['state']} ${world.scheduler.now - Number(row['horizon_at'])} ms after its horizon`,
  )
  const requestCount = network.requestsOf.get(key)?.length ?? 0
  if (row['state'] === 'accepted') {
    ensure(
      (network.acted.get(key) ?? 0) > 0,
      'I6',
      () => `${key} is accepted and its application got nothing`,
    )
  }
  if (row['state'] === 'unreachable') {
    const reached = network.requestsOf.get(key)?.find((sent) => sent.hasArrived)
    ensure(reached === undefined, 'I4', () => `${key} is unreachable and a request of it arrived`)
  }
  ensure(
    requestCount <= Number(row['fence']),
    'I6',
    () => `${key} was sent ${requestCount} times in ${row['fence']} tries`,
  )
  checkRecovery(world, key, row)
}

const breakerPauseMsMax = 600_000

/** The breaker pauses and never drops (D8): an application that came back in time is told. */
function checkRecovery(world: World, key: string, row: Row): void {
  if (row['state'] !== 'unconfirmed' && row['state'] !== 'unreachable') return
  if (row['reason'] === 'config.no_channel' || world.plan.stepCount > 0) return
  const client = world.plan.clients.find(({ clientId }) => clientId === row['client_id'])
  const last = client?.modes.at(-1)
  if (!client || client.isBlocked || last?.mode !== 'up') return
  const upAt = world.startedAt + last.fromMs
  const marginMs = breakerPauseMsMax + 60_000
  ensure(upAt + marginMs > Number(row['horizon_at']), 'I4', () => {
    return `${key} is ${row['state']} although ${client.clientId} was back ${Number(row['horizon_at']) - upAt} ms before the horizon (D8)`
  })
}

function checkSessionEnd(world: World, key: string, row: Row): void {
  if (row['state'] === 'active') {
    ensure(
      Number(row['idle_until']) > world.scheduler.now,
      'I11',
      () => `the time of ${key} is over and nobody ended it`,
    )
    return
  }
  const signOut = committedRows(world, 'sign_out').get(String(row['sign_out_id']))
  ensure(signOut?.['scope'] === 'session', 'I2', () => `session ${key} never got a sign-out of its own`)
  const { cause } = signOut as { cause: string }
  const isExpiry = cause === 'session_idle' || cause === 'session_max_lifespan'
  const isBroad = signOut['parent_id'] !== null
  ensure(
    isExpiry || isBroad || world.targeted.has(key),
    'I13',
    () => `session ${key} was ended by ${signOut['id']} and nobody asked for it`,
  )
}
