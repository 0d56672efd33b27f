/**
 * How long the caller waits for one sign-out of few and of many applications, one after the other on a server that
 * has nothing else to do (L-02). The answer says that the door is closed; nobody need have been told.
 */
import { createAdministrator } from '../support/administrator.ts'
import type { DatabaseKind } from '../support/database.ts'
import { figuresOf } from '../support/figures.ts'
import { fillSessions, sessionUidOf } from '../support/fill-sessions.ts'
import { percentilesOf } from '../support/percentiles.ts'
import { prepareRealm } from '../support/prepared-realm.ts'
import { startReceivers } from '../support/receivers.ts'
import type { PartOptions } from './part.ts'

interface Width {
  readonly applicationCount: number
  readonly p99MsMax: number
  /** All told, so many sign-outs take about half a minute. */
  readonly runCount: number
}

const widths: readonly Width[] = [
  { applicationCount: 10, p99MsMax: 25, runCount: 500 },
  { applicationCount: 200, p99MsMax: 50, runCount: 200 },
  { applicationCount: 1000, p99MsMax: 150, runCount: 50 },
]
/** The first ones compile and cache; they are not what a running server needs. */
const warmUpCount = 10
const toldTimeoutMs = 60_000

export async function measureAcknowledge(kind: DatabaseKind, { scale }: PartOptions): Promise<void> {
  const print = figuresOf('acknowledge', kind)
  using receivers = await startReceivers(1000)
  await using realm = await prepareRealm(kind, receivers.addresses)
  const fills = widths.map(({ applicationCount, runCount }) => ({
    prefix: `wide-${applicationCount}`,
    sessionCount: warmUpCount + Math.ceil(runCount * scale),
    applicationCount,
  }))
  for (const fill of fills) await fillSessions(realm, fill)
  await using server = await realm.start()
  const administrator = await createAdministrator(server.url)
  for (const [index, { applicationCount, p99MsMax }] of widths.entries()) {
    const fill = fills[index] as (typeof fills)[number]
    const times: number[] = []
    for (let session = 0; session < fill.sessionCount; session++) {
      await receivers.reset()
      const { askedAt, answeredAt } = await administrator.endSession(sessionUidOf(fill, session))
      if (session >= warmUpCount) times.push(answeredAt - askedAt)
      await receivers.untilReceived(applicationCount, toldTimeoutMs)
    }
    const { p50, p99 } = percentilesOf(times)
    print(`one sign-out of ${applicationCount} applications, p50`, p50, 'ms')
    print(`one sign-out of ${applicationCount} applications, p99`, p99, 'ms', { atMost: p99MsMax })
  }
}
