/** Sessions that were filled in are ended one by one at a steady pace, and each answer is timed. */
import type { Acknowledged, BenchAdministrator } from './administrator.ts'
import { fillSessions, type SessionFill, sessionUidOf } from './fill-sessions.ts'
import { runAtPace } from './pace.ts'
import { percentilesOf } from './percentiles.ts'
import type { Stage } from './stage.ts'

/** By session. */
export type Acknowledgements = ReadonlyMap<string, Acknowledged>

/** What a running server has compiled and cached is what it needs; two seconds of sign-outs are not counted. */
const warmUpPerSecond = 20
const warmUpCount = 40
const warmUpTimeoutMs = 30_000

export async function endSessions(
  administrator: BenchAdministrator,
  fill: SessionFill,
  perSecond: number,
): Promise<Acknowledgements> {
  const acknowledged = new Map<string, Acknowledged>()
  await runAtPace(
    perSecond,
    (index) => index < fill.sessionCount,
    async (index) => {
      const uid = sessionUidOf(fill, index)
      acknowledged.set(uid, await administrator.endSession(uid))
    },
  )
  return acknowledged
}

/** Tells the first `applicationCount` applications, and takes their receipts away. */
export async function warmUp(
  { realm, administrator, receivers }: Stage,
  applicationCount: number,
): Promise<void> {
  const fill = { prefix: 'warm', sessionCount: warmUpCount, applicationCount }
  await fillSessions(realm, fill)
  await endSessions(administrator, fill, warmUpPerSecond)
  await receivers.untilReceived(warmUpCount * applicationCount, warmUpTimeoutMs)
  await receivers.reset()
}

export function acknowledgedP99Of(acknowledged: Acknowledgements): number {
  const times = acknowledged.values().map(({ askedAt, answeredAt }) => answeredAt - askedAt)
  return percentilesOf(times.toArray()).p99
}
