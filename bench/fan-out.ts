/**
 * One sign-out of 10, 100 and 1,000 applications, all healthy on loopback: time until the door is closed, until
 * the browser is answered and until the last application is told, beside posting ready-made tokens with a bare
 * undici Pool for each address, in one run; and how long an application that hangs holds the answer.
 *
 *   npm run bench -- fan-out [--runs 5] [--database sqlite|postgres]
 */
import { parseArgs } from 'node:util'
import { Pool } from 'undici'
import { realmExport, testPassword } from '../packages/server/test/support/realm-export.ts'
import { databasesOf, openDatabase } from './support/database.ts'
import { type Client, createHttp, discover, type Endpoints, type Http } from './support/flows.ts'
import { clientOf, openSession, signOut } from './support/open-session.ts'
import { now } from './support/pace.ts'
import { percentilesOf } from './support/percentiles.ts'
import { type Receivers, startReceivers } from './support/receivers.ts'
import { spawnCurfew } from './support/spawn-server.ts'

const { values } = parseArgs({
  options: { runs: { type: 'string', default: '5' }, database: { type: 'string' } },
})
const runs = Number(values.runs)
const widths = [10, 100, 1000] as const
const alice = { username: 'alice', password: testPassword }

interface FanOut {
  /** Until an introspection said that a token of the session is dead; asked again and again meanwhile. */
  readonly closedMs: number
  readonly answeredMs: number
  readonly toldMs: number
}

using receivers = await startReceivers(1000)
using hanging = await startReceivers(1, 60_000)
for (const kind of databasesOf(values.database)) {
  for (const algorithm of ['RS256', 'ES256'] as const) {
    await using database = await openDatabase(kind)
    const clients = [
      ...receivers.addresses.map((address, index) => ({ clientId: `app-${index}`, address })),
      { clientId: 'hanging', address: hanging.addresses[0] as string },
    ].map(({ clientId, address }) => ({ clientId, algorithm, backchannelUrl: address }))
    await using server = await spawnCurfew({
      realms: [realmExport({ clients })],
      databaseUrl: database.url,
    })
    await using http = createHttp(server.url, 16)
    const endpoints = await discover(http, '/realms/test')
    for (const width of widths) await report(http, endpoints, width, `${kind} ${algorithm}`)
    await reportHanging(http, endpoints, `${kind} ${algorithm}`)
  }
}

async function report(http: Http, endpoints: Endpoints, width: number, title: string): Promise<void> {
  const results: FanOut[] = []
  const bare: number[] = []
  for (let run = 0; run < runs; run++) {
    results.push(await fanOut(http, endpoints, width, receivers))
    bare.push(await barePost(width, receivers))
  }
  const of = (name: keyof FanOut): number => median(results.map((one) => one[name]))
  const posted = median(bare)
  console.log(
    `${title.padEnd(16)} ${String(width).padStart(5)} applications: door closed ${of('closedMs').toFixed(0)} ms, answered ${of('answeredMs').toFixed(0)} ms, last told ${of('toldMs').toFixed(0)} ms, bare pools ${posted.toFixed(0)} ms, ratio ${(of('toldMs') / posted).toFixed(2)}`,
  )
}

async function fanOut(http: Http, endpoints: Endpoints, width: number, to: Receivers): Promise<FanOut> {
  const clients = Array.from({ length: width }, (_, index) => clientOf(`app-${index}`))
  const session = await openSession(http, endpoints, clients, alice)
  await to.reset()
  const startedAt = now()
  const closedAt = untilClosed(http, endpoints, clientOf('app-0'), session.accessToken)
  await signOut(http, endpoints, session)
  const answeredMs = now() - startedAt
  const lastAt = await to.untilReceived(width, 30_000)
  return { closedMs: (await closedAt) - startedAt, answeredMs, toldMs: lastAt - startedAt }
}

/** Nine applications are well and one takes the notice and never answers: how long the browser waits. */
async function reportHanging(http: Http, endpoints: Endpoints, title: string): Promise<void> {
  const clients = [...Array.from({ length: 9 }, (_, index) => clientOf(`app-${index}`)), clientOf('hanging')]
  const times: number[] = []
  for (let run = 0; run < runs; run++) {
    const session = await openSession(http, endpoints, clients, alice)
    const startedAt = now()
    await signOut(http, endpoints, session)
    times.push(now() - startedAt)
  }
  console.log(
    `${title.padEnd(16)}    10 applications, one of which hangs: answered ${median(times).toFixed(0)} ms, ${Math.max(...times).toFixed(0)} ms at most`,
  )
}

async function untilClosed(http: Http, endpoints: Endpoints, client: Client, token: string): Promise<number> {
  for (;;) {
    const body = new URLSearchParams({ client_id: client.clientId, client_secret: client.secret, token })
    const { text } = await http.send('POST', endpoints.introspection, { body })
    if (text.includes('"active":false')) return now()
    if (!text.includes('"active":true')) throw new Error(`introspection: ${text.slice(0, 300)}`)
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
}

/** The floor: the same posts, tokens made before, one Pool for each address as the server has them. */
async function barePost(width: number, to: Receivers): Promise<number> {
  await to.reset()
  const token = 'x'.repeat(900)
  const pools = to.addresses
    .slice(0, width)
    .map((address) => new Pool(new URL(address).origin, { connections: 2 }))
  const startedAt = now()
  const posts = pools.map(async (pool) => {
    const { body } = await pool.request({
      method: 'POST',
      path: '/app-0/backchannel-logout',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: `logout_token=${token}`,
    })
    await body.dump()
  })
  await Promise.all(posts)
  const lastAt = await to.untilReceived(width, 30_000)
  await Promise.all(pools.map((pool) => pool.close()))
  return lastAt - startedAt
}

function median(numbers: readonly number[]): number {
  return percentilesOf(numbers).p50
}
