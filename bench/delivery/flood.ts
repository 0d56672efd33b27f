/**
 * A hundred people a second want to sign in, more than two cores can hash passwords for, while others sign out
 * (L-08): a sign-out does not wait for them, memory stays bounded, and whom there is no room for is told so.
 */
import { testPassword } from '../../packages/server/test/support/realm-export.ts'
import type { DatabaseKind } from '../support/database.ts'
import { acknowledgedP99Of, endSessions, warmUp } from '../support/end-sessions.ts'
import { figuresOf } from '../support/figures.ts'
import { fillSessions } from '../support/fill-sessions.ts'
import { createHttp, discover, type Endpoints, type Http } from '../support/flows.ts'
import { clientOf } from '../support/open-session.ts'
import { runAtPace } from '../support/pace.ts'
import { percentilesOf } from '../support/percentiles.ts'
import { residentMibOf } from '../support/process-cpu.ts'
import { accepting } from '../support/receivers.ts'
import { trySignIn } from '../support/sign-in.ts'
import { openStage } from '../support/stage.ts'
import { readTold, toldTimesOf } from '../support/told-times.ts'
import type { PartOptions } from './part.ts'

const applicationCount = 10
const signInsPerSecond = 100
const signOutsPerSecond = 10
const secondsFull = 20
const secondsMin = 5
/** One person's passwords are looked at a few at a time, so many people come. */
const people = Array.from({ length: 40 }, (_, index) => `person-${index}`)
/** Browsers do not share connections: nobody waits for one. */
const connectionCount = 1000
const patienceMs = 10_000
const toldTimeoutMs = 120_000
/** 250 MiB under load, and four passwords at 46 MiB at once. */
const residentMibMax = 512
const lookEveryMs = 100

interface Flood {
  signedInCount: number
  turnedAwayCount: number
  /** Until the last of them had an answer. */
  elapsedSeconds: number
  /** Neither: an error, or no answer. */
  readonly lost: string[]
  readonly times: number[]
}

export async function measureFlood(kind: DatabaseKind, { scale }: PartOptions): Promise<void> {
  const print = figuresOf('flood', kind)
  const seconds = Math.max(secondsMin, secondsFull * scale)
  const sessionCount = Math.ceil(signOutsPerSecond * seconds)
  const fill = { prefix: 'person', sessionCount, applicationCount }
  await using stage = await openStage(kind, {
    behaviours: accepting(applicationCount),
    usernames: ['alice', ...people],
    fill: (realm) => fillSessions(realm, fill),
  })
  const { receivers, realm, server, administrator } = stage
  await using http = createHttp(server.url, connectionCount)
  const endpoints = await discover(http, '/realms/test')
  await warmUp(stage, applicationCount)
  let residentMib = 0
  const watching = setInterval(() => {
    residentMib = Math.max(residentMib, residentMibOf(server.pid))
  }, lookEveryMs)
  const [flood, acknowledged] = await Promise.all([
    floodFor(http, endpoints, seconds),
    endSessions(administrator, fill, signOutsPerSecond),
  ])
  await receivers.untilReceived(sessionCount * applicationCount, toldTimeoutMs)
  clearInterval(watching)
  for (const what of new Set(flood.lost)) console.error(`flood: ${what}`)
  const told = toldTimesOf(await readTold(realm, await receivers.takeReceipts(), fill))
  print('sign-out acknowledged beside 100 sign-ins/s p99', acknowledgedP99Of(acknowledged), 'ms', {
    atMost: 250,
  })
  print('told after commit beside 100 sign-ins/s p99', percentilesOf(told).p99, 'ms')
  print('people signed in', flood.signedInCount / flood.elapsedSeconds, '/s')
  print('people turned away with 503 or 429', flood.turnedAwayCount / flood.elapsedSeconds, '/s')
  print('people answered otherwise, or not at all', flood.lost.length, '', { atMost: 0 })
  print('longest that a person waited', Math.max(...flood.times), 'ms', { atMost: patienceMs })
  print('resident memory at most', residentMib, 'MiB', { atMost: residentMibMax })
}

async function floodFor(http: Http, endpoints: Endpoints, seconds: number): Promise<Flood> {
  const flood: Flood = { signedInCount: 0, turnedAwayCount: 0, elapsedSeconds: 0, lost: [], times: [] }
  const floodedAt = performance.now()
  await runAtPace(
    signInsPerSecond,
    (index) => index < signInsPerSecond * seconds,
    async (index) => {
      const startedAt = performance.now()
      const person = { username: people[index % people.length] as string, password: testPassword }
      const client = clientOf(`app-${index % applicationCount}`)
      try {
        const { ok } = await trySignIn(http, endpoints, client, person)
        if (ok) flood.signedInCount += 1
        else flood.turnedAwayCount += 1
      } catch (error) {
        flood.lost.push(String(error).slice(0, 200))
      }
      flood.times.push(performance.now() - startedAt)
    },
  )
  flood.elapsedSeconds = (performance.now() - floodedAt) / 1000
  return flood
}
