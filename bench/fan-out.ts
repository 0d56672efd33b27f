/**
 * One sign-out of 10, 100 and 1,000 applications, all healthy on loopback: time until the door is closed, until
 * the browser is answered and until the last application is told, beside posting ready-made tokens with a bare
 * undici Pool for each address, in one run.
 *
 *   npm run bench -- fan-out [--runs 5] [--database sqlite|postgres]
 */
import { parseArgs } from 'node:util'
import { Pool } from 'undici'
import { startPostgres } from '../packages/server/test/support/postgres.ts'
import { realmExport, testPassword, testSecret } from '../packages/server/test/support/realm-export.ts'
import { type Client, codeFlow, createHttp, discover, type Endpoints, type Http } from './support/flows.ts'
import { type Receivers, startReceivers } from './support/receivers.ts'
import { forEachAtOnce } from './support/run-batch.ts'
import { signInBrowser } from './support/sign-in.ts'
import { spawnCurfew } from './support/spawn-server.ts'

const { values } = parseArgs({
  options: { runs: { type: 'string', default: '5' }, database: { type: 'string' } },
})
const runs = Number(values.runs)
const widths = [10, 100, 1000] as const
const alice = { username: 'alice', password: testPassword }
const clientOf = (index: number): Client => ({
  clientId: `app-${index}`,
  secret: testSecret,
  redirectUri: `https://app-${index}.example/callback`,
})

interface FanOut {
  readonly answeredMs: number
  readonly toldMs: number
}

using receivers = await startReceivers(1000)
for (const database of values.database ? [values.database] : ['sqlite', 'postgres']) {
  for (const algorithm of ['RS256', 'ES256'] as const) {
    const postgres = database === 'postgres' ? await startPostgres({ fsync: true }) : undefined
    try {
      const clients = receivers.ports.map((port, index) => ({
        clientId: `app-${index}`,
        algorithm,
        backchannelUrl: `http://127.0.0.1:${port}/backchannel-logout`,
      }))
      await using server = await spawnCurfew({
        realms: [realmExport({ clients })],
        databaseUrl: postgres?.url,
      })
      await using http = createHttp(server.url, 16)
      const endpoints = await discover(http, '/realms/test')
      for (const width of widths) await report(http, endpoints, width, `${database} ${algorithm}`)
    } finally {
      await postgres?.stop()
    }
  }
}

async function report(http: Http, endpoints: Endpoints, width: number, title: string): Promise<void> {
  const results: FanOut[] = []
  const bare: number[] = []
  for (let run = 0; run < runs; run++) {
    results.push(await fanOut(http, endpoints, width, receivers))
    bare.push(await barePost(width, receivers))
  }
  const answered = median(results.map((one) => one.answeredMs))
  const told = median(results.map((one) => one.toldMs))
  const posted = median(bare)
  console.log(
    `${title.padEnd(16)} ${String(width).padStart(5)} applications: answered ${answered.toFixed(0)} ms, last told ${told.toFixed(0)} ms, bare pools ${posted.toFixed(0)} ms, ratio ${(told / posted).toFixed(2)}`,
  )
}

async function fanOut(http: Http, endpoints: Endpoints, width: number, to: Receivers): Promise<FanOut> {
  const first = clientOf(0)
  const cookie = await signInBrowser(http, endpoints, first, alice)
  let hint = ''
  await forEachAtOnce(width, 8, async (index) => {
    hint = (await codeFlow(http, endpoints, clientOf(index), cookie)).id_token
  })
  await new Promise((resolve) => setTimeout(resolve, 1200))
  await to.reset()
  const startedAt = performance.timeOrigin + performance.now()
  const { status } = await http.send('GET', `${endpoints.logout}?id_token_hint=${hint}`, { cookie })
  const answeredAt = performance.timeOrigin + performance.now()
  if (status >= 400) throw new Error(`the sign-out was answered with ${status}`)
  const lastAt = await to.untilReceived(width, 30_000)
  return { answeredMs: answeredAt - startedAt, toldMs: lastAt - startedAt }
}

/** The floor: the same posts, tokens made before, one Pool for each address as the server has them. */
async function barePost(width: number, to: Receivers): Promise<number> {
  await to.reset()
  const token = 'x'.repeat(900)
  const pools = to.ports
    .slice(0, width)
    .map((port) => new Pool(`http://127.0.0.1:${port}`, { connections: 2 }))
  const startedAt = performance.timeOrigin + performance.now()
  const posts = pools.map(async (pool) => {
    const { body } = await pool.request({
      method: 'POST',
      path: '/backchannel-logout',
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
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Number.NaN
}
