/**
 * What each operation costs the server: per second, and CPU milliseconds of server and database together, beside
 * the bare protocol engine with its in-memory adapter and beside the price of the signatures alone, in one run.
 *
 *   npm run bench -- load [--count 2000] [--database sqlite|postgres] [--algorithm RS256|ES256]
 */
import { generateKeyPairSync, type KeyObject, sign as signCallback } from 'node:crypto'
import { parseArgs } from 'node:util'
import { realmExport, testPassword } from '../packages/server/test/support/realm-export.ts'
import { startReceiver } from '../packages/server/test/support/receiver.ts'
import { type DatabaseKind, databasesOf, openDatabase } from './support/database.ts'
import {
  type Client,
  codeFlow,
  createHttp,
  discover,
  type Endpoints,
  type Http,
  type Tokens,
  tokenRequest,
} from './support/flows.ts'
import { keycloakCpuMs, signatureCpuMs } from './support/keycloak.ts'
import { clientOf } from './support/open-session.ts'
import { cpuMsOf, residentMibOf } from './support/process-cpu.ts'
import { forEachAtOnce, type Measured, runBatch } from './support/run-batch.ts'
import { signInBrowser } from './support/sign-in.ts'
import { spawnBareEngine, spawnCurfew } from './support/spawn-server.ts'

type Algorithm = 'RS256' | 'ES256'
const concurrency = 16
const { values } = parseArgs({
  options: {
    count: { type: 'string', default: '2000' },
    database: { type: 'string' },
    algorithm: { type: 'string' },
  },
})
const count = Number(values.count)
const algorithms: readonly Algorithm[] = values.algorithm
  ? [values.algorithm as Algorithm]
  : ['RS256', 'ES256']
/** An application is told of 50 sign-outs a second at most (D9); with so many, no sign-out waits for that. */
const trios = Array.from({ length: 20 }, (_, index) => [`one-${index}`, `two-${index}`, `three-${index}`])
const alice = { username: 'alice', password: testPassword }

for (const algorithm of algorithms) {
  const signatureMs = priceOfSignature(algorithm)
  const slower = signatureCpuMs[algorithm] / signatureMs
  console.log(
    `\n${algorithm}: one signature ${signatureMs.toFixed(3)} ms of CPU, ${slower.toFixed(1)} times less than where Keycloak was measured`,
  )
  const bare = await measureBareEngine(algorithm)
  print('bare engine, in memory', bare, undefined)
  for (const database of databasesOf(values.database)) {
    const { measured, residentMib } = await measureCurfew(algorithm, database)
    print(`curfew on ${database}, ${residentMib.toFixed(0)} MiB resident at the end`, measured, bare)
  }
}

function priceOfSignature(algorithm: Algorithm): number {
  const key: KeyObject =
    algorithm === 'RS256'
      ? generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey
      : generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
  const before = process.cpuUsage()
  const times = 500
  for (let i = 0; i < times; i++) signCallback('sha256', Buffer.alloc(700, i), key)
  const used = process.cpuUsage(before)
  return (used.user + used.system) / 1000 / times
}

async function measureBareEngine(algorithm: Algorithm): Promise<readonly Measured[]> {
  await using server = await spawnBareEngine(algorithm)
  await using http = createHttp(server.url, concurrency)
  const endpoints = await discover(http, '')
  const browsers = await signInBrowsers(http, endpoints)
  return await measureTokens(http, endpoints, browsers, clientOf('bench'), () => cpuMsOf(server.pid))
}

async function measureCurfew(
  algorithm: Algorithm,
  kind: DatabaseKind,
): Promise<{ measured: readonly Measured[]; residentMib: number }> {
  await using database = await openDatabase(kind)
  await using receiver = await startReceiver()
  const told = trios.flat()
  const realm = realmExport({
    clients: [
      { clientId: 'bench', algorithm, serviceAccount: true },
      ...told.map((clientId) => ({ clientId, algorithm, backchannelUrl: receiver.urlOf(clientId) })),
    ],
  })
  await using server = await spawnCurfew({ realms: [realm], databaseUrl: database.url })
  await using http = createHttp(server.url, concurrency)
  const endpoints = await discover(http, '/realms/test')
  const browsers = await signInBrowsers(http, endpoints)
  const cpuMs = (): number => cpuMsOf(server.pid) + (database.pid ? cpuMsOf(database.pid) : 0)
  const measured = [
    ...(await measureTokens(http, endpoints, browsers, clientOf('bench'), cpuMs)),
    ...(await measureOwnEndpoints(http, endpoints, browsers[0] as string, cpuMs)),
    await measureSignOut(http, endpoints, cpuMs, receiver),
  ]
  return { measured, residentMib: residentMibOf(server.pid) }
}

/** A session for each request that runs at once: requests of one session wait for its row, which no person does. */
async function signInBrowsers(http: Http, endpoints: Endpoints): Promise<readonly string[]> {
  const cookies: string[] = []
  for (let index = 0; index < concurrency; index++)
    cookies.push(await signInBrowser(http, endpoints, clientOf('bench'), alice))
  return cookies
}

async function measureTokens(
  http: Http,
  endpoints: Endpoints,
  browsers: readonly string[],
  client: Client,
  cpuMs: () => number,
): Promise<readonly Measured[]> {
  const options = { count, concurrency, cpuMs }
  const flowOf = (index: number) =>
    codeFlow(http, endpoints, client, browsers[index % browsers.length] as string)
  // the first requests compile and cache; they are not what a running server costs
  await runBatch(
    { name: 'warm up', run: async (index) => void (await flowOf(index)) },
    { ...options, count: 300 },
  )
  const flow = await runBatch(
    { name: 'code flow', run: async (index) => void (await flowOf(index)) },
    options,
  )
  const tokens: Tokens[] = []
  const refresh = await runBatch(
    {
      name: 'refresh',
      prepare: async (index) => {
        if (index < concurrency) tokens.push(await flowOf(index))
      },
      run: async (index) => {
        const slot = index % tokens.length
        const fields = { grant_type: 'refresh_token', refresh_token: tokens[slot]?.refresh_token ?? '' }
        await tokenRequest(http, endpoints, client, fields)
      },
    },
    options,
  )
  const credentials = await runBatch(
    {
      name: 'client credentials',
      run: async () =>
        void (await tokenRequest(http, endpoints, client, { grant_type: 'client_credentials' })),
    },
    options,
  )
  return [flow, refresh, credentials]
}

async function measureOwnEndpoints(
  http: Http,
  endpoints: Endpoints,
  cookie: string,
  cpuMs: () => number,
): Promise<readonly Measured[]> {
  const client = clientOf('bench')
  const { access_token } = await codeFlow(http, endpoints, client, cookie)
  const options = { count: count * 2, concurrency, cpuMs }
  const introspection = await runBatch(
    {
      name: 'introspection',
      run: async () => {
        const body = new URLSearchParams({
          client_id: client.clientId,
          client_secret: client.secret,
          token: access_token,
        })
        const { text } = await http.send('POST', endpoints.introspection, { body })
        if (!text.includes('"active":true')) throw new Error(`introspection: ${text.slice(0, 300)}`)
      },
    },
    options,
  )
  const userinfo = await runBatch(
    {
      name: 'userinfo',
      run: async () => {
        const { status, text } = await http.send('GET', endpoints.userinfo, { bearer: access_token })
        if (status !== 200) throw new Error(`userinfo: ${status} ${text.slice(0, 300)}`)
      },
    },
    options,
  )
  return [introspection, userinfo]
}

/** Each sign-out ends a session of its own, with three applications that are told. */
async function measureSignOut(
  http: Http,
  endpoints: Endpoints,
  cpuMs: () => number,
  receiver: Awaited<ReturnType<typeof startReceiver>>,
): Promise<Measured> {
  const signOutCount = Math.min(count, 300)
  const browsers: { cookie: string; hint: string }[] = []
  const prepare = async (index: number): Promise<void> => {
    const [first, ...rest] = (trios[index % trios.length] ?? []).map(clientOf) as [Client, ...Client[]]
    const cookie = await signInBrowser(http, endpoints, first, alice)
    let hint = (await codeFlow(http, endpoints, first, cookie)).id_token
    for (const client of rest) hint = (await codeFlow(http, endpoints, client, cookie)).id_token
    browsers.push({ cookie, hint })
  }
  await forEachAtOnce(signOutCount, 4, prepare)
  // the first notice waits 1 s after the answer that opened the application (SR-19)
  await new Promise((resolve) => setTimeout(resolve, 1200))
  const measured = await runBatch(
    {
      name: 'sign-out of 3',
      run: async (index) => {
        const { cookie, hint } = browsers[index] as { cookie: string; hint: string }
        const { status, text } = await http.send('GET', `${endpoints.logout}?id_token_hint=${hint}`, {
          cookie,
        })
        if (status >= 400) throw new Error(`sign-out: ${status} ${text.slice(0, 300)}`)
      },
    },
    { count: signOutCount, concurrency, cpuMs: () => cpuMs() },
  )
  const before = cpuMs()
  await receiver.until(signOutCount * 3, { timeoutMs: 60_000 })
  return { ...measured, cpuMs: measured.cpuMs + (cpuMs() - before) / signOutCount }
}

function print(title: string, rows: readonly Measured[], bare: readonly Measured[] | undefined): void {
  console.log(`  ${title}`)
  for (const row of rows) {
    const beside = bare?.find((one) => one.name === row.name)
    const keycloak = keycloakCpuMs[row.name]
    const ratio = [
      ...(beside ? [`${(row.cpuMs / beside.cpuMs).toFixed(2)} × bare`] : []),
      ...(keycloak ? [`${(row.cpuMs / keycloak).toFixed(2)} × Keycloak's ${keycloak}`] : []),
    ].join(', ')
    console.log(
      `    ${row.name.padEnd(20)} ${row.perSecond.toFixed(0).padStart(6)}/s  ${row.cpuMs.toFixed(3).padStart(7)} ms CPU  p50 ${row.p50Ms.toFixed(1)}  p99 ${row.p99Ms.toFixed(1)} ms  ${ratio}`,
    )
  }
}
