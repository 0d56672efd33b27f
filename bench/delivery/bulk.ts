/**
 * Everybody of a realm is signed out by its administrator, and people go on signing in and out at the same
 * applications while those are told (L-06, D10). The ceiling is 100/s, because at 50/s 10,000 notices for one
 * application take 200 s by themselves; so that the ceiling alone holds back, more than two are in flight at each.
 */
import { testPassword } from '../../packages/server/test/support/realm-export.ts'
import type { Acknowledged } from '../support/administrator.ts'
import type { DatabaseKind } from '../support/database.ts'
import { figuresOf, type Print } from '../support/figures.ts'
import { fillSessions } from '../support/fill-sessions.ts'
import { createHttp, discover, type Endpoints, type Http } from '../support/flows.ts'
import { clientOf, openSession, signOut } from '../support/open-session.ts'
import { runAtPace } from '../support/pace.ts'
import { percentilesOf } from '../support/percentiles.ts'
import type { PreparedRealm } from '../support/prepared-realm.ts'
import { accepting, type Receipt, type Receivers } from '../support/receivers.ts'
import { openStage } from '../support/stage.ts'
import { readTold, toldTimesOf } from '../support/told-times.ts'
import type { PartOptions } from './part.ts'

const sessionCountFull = 10_000
const applicationCount = 10
const ceiling = ['--delivery-rate-per-second-max', '100', '--delivery-leased-count-max', '8']
const people = Array.from({ length: 10 }, (_, index) => `person-${index}`)
const peoplePerSecond = 5
/** Applications that each of them opens. */
const openedCount = 3
const idleSeconds = 15
const idleCountMin = 20
const warmUpCount = 10
const drainTimeoutMs = 600_000
const lookEveryMs = 250

interface Lives {
  readonly signInMs: number[]
  readonly acknowledgedMs: number[]
}

export async function measureBulk(kind: DatabaseKind, { scale }: PartOptions): Promise<void> {
  const print = figuresOf('bulk', kind)
  const sessionCount = Math.ceil(sessionCountFull * scale)
  await using stage = await openStage(kind, {
    behaviours: accepting(applicationCount),
    usernames: ['alice', ...people],
    fill: (realm) => fillSessions(realm, { prefix: 'bulk', sessionCount, applicationCount }),
    flags: ceiling,
  })
  const { receivers, realm, server, administrator } = stage
  await using http = createHttp(server.url, 64)
  const endpoints = await discover(http, '/realms/test')
  const idleCount = Math.max(idleCountMin, Math.ceil(peoplePerSecond * idleSeconds * scale))
  await live(http, endpoints, (index) => index < warmUpCount)
  const idle = await live(http, endpoints, (index) => index < idleCount)
  await receivers.takeReceipts()
  const ended = await administrator.endEverySession()
  let drained: Drained | undefined
  const draining = untilDrained(receivers, sessionCount * applicationCount).then((all) => {
    drained = all
    return all
  })
  const [meanwhile, { lastAt, receipts }] = await Promise.all([
    live(http, endpoints, () => drained === undefined),
    draining,
  ])
  reportBulk(print, ended, lastAt)
  const late = await receivers.takeReceipts()
  await reportPeople(print, realm, { idle, meanwhile, receipts: [...receipts, ...late] })
}

/** People sign in, open applications and sign out, one after the other at a steady pace. */
async function live(http: Http, endpoints: Endpoints, goesOn: (index: number) => boolean): Promise<Lives> {
  const lives: Lives = { signInMs: [], acknowledgedMs: [] }
  await runAtPace(peoplePerSecond, goesOn, async (index) => {
    const clients = Array.from({ length: openedCount }, (_, nth) =>
      clientOf(`app-${(index + nth) % applicationCount}`),
    )
    const username = people[index % people.length] as string
    const session = await openSession(http, endpoints, clients, { username, password: testPassword })
    const askedAt = performance.now()
    await signOut(http, endpoints, session)
    lives.signInMs.push(session.signInMs)
    lives.acknowledgedMs.push(performance.now() - askedAt)
  })
  return lives
}

interface Drained {
  readonly lastAt: number
  /** Those of people. */
  readonly receipts: readonly Receipt[]
}

async function untilDrained(receivers: Receivers, count: number): Promise<Drained> {
  const giveUpAt = performance.now() + drainTimeoutMs
  const told = new Set<string>()
  const receipts: Receipt[] = []
  let lastAt = 0
  while (told.size < count) {
    if (performance.now() > giveUpAt) throw new Error(`${told.size} of ${count} were told`)
    await new Promise((resolve) => setTimeout(resolve, lookEveryMs))
    for (const receipt of await receivers.takeReceipts()) {
      if (!receipt.sid.startsWith('bulk-')) receipts.push(receipt)
      else if (!told.has(receipt.sid)) {
        told.add(receipt.sid)
        lastAt = receipt.at
      }
    }
  }
  return { lastAt, receipts }
}

function reportBulk(print: Print, { askedAt, answeredAt }: Acknowledged, lastAt: number): void {
  print('acknowledged, every door closed', answeredAt - askedAt, 'ms', {
    atMost: 5000,
  })
  print('all told', (lastAt - askedAt) / 1000, 's', { atMost: 180 })
}

async function reportPeople(
  print: Print,
  realm: PreparedRealm,
  {
    idle,
    meanwhile,
    receipts,
  }: { readonly idle: Lives; readonly meanwhile: Lives; readonly receipts: readonly Receipt[] },
): Promise<void> {
  const told = await readTold(realm, receipts)
  const missed = told.filter(({ state }) => state !== 'accepted')
  const acknowledged = percentilesOf(meanwhile.acknowledgedMs)
  const toldAfter = percentilesOf(toldTimesOf(told))
  print('a person meanwhile, sign-out acknowledged p50', acknowledged.p50, 'ms')
  print('a person meanwhile, sign-out acknowledged p99', acknowledged.p99, 'ms', { below: 1000 })
  print('a person meanwhile, told after commit p50', toldAfter.p50, 'ms')
  print('a person meanwhile, told after commit p99', toldAfter.p99, 'ms', { below: 1000 })
  print('a person meanwhile, not accepted', missed.length, '', { atMost: 0 })
  const before = percentilesOf(idle.signInMs)
  const beside = percentilesOf(meanwhile.signInMs)
  print('sign-in p99, before', before.p99, 'ms')
  print('sign-in p99, meanwhile', beside.p99, 'ms')
  print('sign-in p99, meanwhile beside before', beside.p99 / before.p99, '×', { atMost: 2 })
}
