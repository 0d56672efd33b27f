/**
 * An application that was away comes back with 50,000 notices waiting (L-07, D9, R24): how fast it is told, and
 * whether the others notice. That it was away is written into the database: the breaker is open until an instant at
 * which the measured time begins, so nothing need wait for its pauses.
 */
import type { DatabaseKind } from '../support/database.ts'
import { endSessions, warmUp } from '../support/end-sessions.ts'
import { figuresOf, type Print } from '../support/figures.ts'
import { fillOutbox } from '../support/fill-outbox.ts'
import { fillSessions, type SessionFill } from '../support/fill-sessions.ts'
import { now } from '../support/pace.ts'
import { percentilesOf } from '../support/percentiles.ts'
import type { PreparedRealm } from '../support/prepared-realm.ts'
import { accepting, type Receipt } from '../support/receivers.ts'
import { openStage } from '../support/stage.ts'
import { readTold, toldTimesOf } from '../support/told-times.ts'
import type { PartOptions } from './part.ts'

const waitingCountFull = 50_000
const otherCount = 10
const signOutsPerSecond = 20
const awaySecondsFull = 15
const backSecondsFull = 60
const secondsMin = 5
/** The default of the setting. */
const ceilingPerSecond = 50
const toldMs = 2000
const hour = 3_600_000

export async function measureRecovery(kind: DatabaseKind, { scale }: PartOptions): Promise<void> {
  const awayMs = 1000 * Math.max(secondsMin, awaySecondsFull * scale)
  const backMs = 1000 * Math.max(secondsMin, backSecondsFull * scale)
  const fillOf = (prefix: string, ms: number): SessionFill => ({
    prefix,
    sessionCount: Math.ceil((signOutsPerSecond * ms) / 1000),
    applicationCount: otherCount,
  })
  const away = fillOf('away', awayMs)
  const back = fillOf('back', backMs)
  await using stage = await openStage(kind, {
    behaviours: accepting(otherCount + 1),
    async fill(filling) {
      await fillSessions(filling, away)
      await fillSessions(filling, back)
      await fillWaiting(filling, Math.ceil(waitingCountFull * scale))
      await openBreaker(filling, Date.now() + hour)
    },
  })
  const { receivers, realm, administrator } = stage
  await warmUp(stage, otherCount)
  const backAt = Date.now() + awayMs
  await openBreaker(realm, backAt)
  await endSessions(administrator, away, signOutsPerSecond)
  await new Promise((resolve) => setTimeout(resolve, backAt - now()))
  await endSessions(administrator, back, signOutsPerSecond)
  await new Promise((resolve) => setTimeout(resolve, toldMs))
  const receipts = await receivers.takeReceipts()
  const print = figuresOf('recovery', kind)
  reportRate(print, receipts, backAt, backMs)
  await reportOthers(print, realm, receipts, { away, back })
}

function fillWaiting({ database, dataDir, clients }: PreparedRealm, signOutCount: number): Promise<void> {
  const dueAt = Date.now()
  return fillOutbox({
    dataDir,
    databaseUrl: database.url,
    clients: clients.slice(otherCount),
    signOutCount,
    dueAt: () => dueAt,
  })
}

/** As five failures leave it (D8). */
async function openBreaker({ query }: PreparedRealm, until: number): Promise<void> {
  await query(`update endpoint set failure_count = 5, opened_count = 1, open_until = ${until},
    last_failure_at = ${Date.now()} where client_id = 'app-${otherCount}'`)
}

function reportRate(print: Print, receipts: readonly Receipt[], backAt: number, backMs: number): void {
  const at = receipts
    .filter((receipt) => receipt.sid.startsWith('bench-'))
    .map((receipt) => receipt.at)
    .filter((instant) => instant < backAt + backMs)
  const early = at.filter((instant) => instant < backAt)
  print('notices before its breaker closed', early.length, '', { atMost: 0 })
  print('notices to the application that came back', at.length / (backMs / 1000), '/s', {
    atMost: ceilingPerSecond,
  })
  print('notices in its busiest second', busiestSecond(at), '')
}

function busiestSecond(instants: readonly number[]): number {
  const sorted = instants.toSorted((a, b) => a - b)
  let from = 0
  let most = 0
  for (const [index, instant] of sorted.entries()) {
    while (instant - (sorted[from] as number) >= 1000) from += 1
    most = Math.max(most, index - from + 1)
  }
  return most
}

async function reportOthers(
  print: Print,
  realm: PreparedRealm,
  receipts: readonly Receipt[],
  fills: { readonly away: SessionFill; readonly back: SessionFill },
): Promise<void> {
  const away = await readTold(realm, receipts, fills.away)
  const back = await readTold(realm, receipts, fills.back)
  const before = percentilesOf(toldTimesOf(away)).p99
  const after = percentilesOf(toldTimesOf(back)).p99
  const missed = [...away, ...back].filter(({ state }) => state !== 'accepted')
  print('others told after commit p99, while it was away', before, 'ms')
  print('others told after commit p99, while it catches up', after, 'ms')
  print('others told after commit p99, more while it catches up', Math.max(0, after - before), 'ms', {
    atMost: 100,
  })
  print('others not accepted', missed.length, '', { atMost: 0 })
}
