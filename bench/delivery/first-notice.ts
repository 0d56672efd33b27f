/** From the answer to whoever ended the session to the first notice, at 200 deliveries a second (L-03). */
import type { DatabaseKind } from '../support/database.ts'
import { endSessions, warmUp } from '../support/end-sessions.ts'
import { figuresOf } from '../support/figures.ts'
import { fillSessions } from '../support/fill-sessions.ts'
import { percentilesOf } from '../support/percentiles.ts'
import { accepting } from '../support/receivers.ts'
import { openStage } from '../support/stage.ts'
import type { PartOptions } from './part.ts'

const applicationCount = 10
const signOutsPerSecond = 20
const seconds = 20
const toldTimeoutMs = 30_000

export async function measureFirstNotice(kind: DatabaseKind, { scale }: PartOptions): Promise<void> {
  const sessionCount = Math.ceil(signOutsPerSecond * seconds * scale)
  const fill = { prefix: 'person', sessionCount, applicationCount }
  await using stage = await openStage(kind, {
    behaviours: accepting(applicationCount),
    fill: (realm) => fillSessions(realm, fill),
  })
  const { receivers, administrator } = stage
  await warmUp(stage, applicationCount)
  const acknowledged = await endSessions(administrator, fill, signOutsPerSecond)
  await receivers.untilReceived(sessionCount * applicationCount, toldTimeoutMs)
  const firstAt = new Map<string, number>()
  for (const { sid, at } of await receivers.takeReceipts()) {
    const uid = sid.replace(/-app-\d+$/, '')
    firstAt.set(uid, Math.min(at, firstAt.get(uid) ?? Infinity))
  }
  // a notice may be there before the answer is read
  const times = [...acknowledged].map(([uid, { answeredAt }]) =>
    Math.max(0, (firstAt.get(uid) ?? Infinity) - answeredAt),
  )
  const { p50, p99 } = percentilesOf(times)
  const print = figuresOf('first notice', kind)
  print('after the answer, 200 deliveries/s, p50', p50, 'ms', { atMost: 100 })
  print('after the answer, 200 deliveries/s, p99', p99, 'ms', { atMost: 500 })
}
