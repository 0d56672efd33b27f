/**
 * What is stored costs nothing: a sign-out of 10 applications with few and with many sessions in the database.
 * The rows are written by SQL, one application to a session, a tenth of the sessions signed out and told before.
 *
 *   npm run bench -- stored [--few 1000] [--many 1000000] [--count 100] [--database sqlite|postgres]
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { realmExport, testPassword, testSecret } from '../packages/server/test/support/realm-export.ts'
import { type BenchDatabase, databasesOf, openDatabase } from './support/database.ts'
import { fillDatabase } from './support/fill-database.ts'
import { type Client, codeFlow, createHttp, discover, type Endpoints, type Http } from './support/flows.ts'
import { cpuMsOf } from './support/process-cpu.ts'
import { type Receivers, startReceivers } from './support/receivers.ts'
import { forEachAtOnce, runBatch } from './support/run-batch.ts'
import { signInBrowser } from './support/sign-in.ts'
import { spawnCurfew } from './support/spawn-server.ts'

const { values } = parseArgs({
  options: {
    few: { type: 'string', default: '1000' },
    many: { type: 'string', default: '1000000' },
    count: { type: 'string', default: '100' },
    database: { type: 'string' },
  },
})
const count = Number(values.count)
const applicationCount = 10
const alice = { username: 'alice', password: testPassword }
const clients = Array.from({ length: applicationCount }, (_, index): Client => {
  const clientId = `app-${index}`
  return { clientId, secret: testSecret, redirectUri: `https://${clientId}.example/callback` }
})

interface Cost {
  readonly cpuMs: number
  readonly p50Ms: number
}

using receivers = await startReceivers(applicationCount)
for (const kind of databasesOf(values.database)) {
  const few = await measure(kind, Number(values.few))
  const many = await measure(kind, Number(values.many))
  console.log(
    `${kind.padEnd(9)} ${(many.cpuMs / few.cpuMs).toFixed(2)} times the CPU, ${(many.p50Ms / few.p50Ms).toFixed(2)} times the time`,
  )
}

async function measure(kind: 'sqlite' | 'postgres', sessionCount: number): Promise<Cost> {
  await using database = await openDatabase(kind)
  const dataDir = mkdtempSync(join(tmpdir(), 'curfew-bench-'))
  try {
    await makeTables(database, dataDir)
    await fillDatabase(database, dataDir, sessionCount)
    const cost = await measureSignOut(database, dataDir)
    console.log(
      `${kind.padEnd(9)} ${String(sessionCount).padStart(8)} sessions: a sign-out of ${applicationCount} costs ${cost.cpuMs.toFixed(2)} ms CPU and takes ${cost.p50Ms.toFixed(0)} ms`,
    )
    return cost
  } finally {
    rmSync(dataDir, { recursive: true, force: true })
  }
}

async function makeTables(database: BenchDatabase, dataDir: string): Promise<void> {
  const told = clients.map(({ clientId }, index) => ({
    clientId,
    algorithm: 'ES256' as const,
    backchannelUrl: receivers.addresses[index] as string,
  }))
  const realms = [realmExport({ clients: told })]
  await using _server = await spawnCurfew({ realms, databaseUrl: database.url, dataDir })
}

async function measureSignOut(database: BenchDatabase, dataDir: string): Promise<Cost> {
  await using server = await spawnCurfew({ databaseUrl: database.url, dataDir })
  await using http = createHttp(server.url, 4)
  const endpoints = await discover(http, '/realms/test')
  const cpuMs = (): number => cpuMsOf(server.pid) + (database.pid ? cpuMsOf(database.pid) : 0)
  await signOutMany(http, endpoints, receivers, 20, cpuMs)
  return await signOutMany(http, endpoints, receivers, count, cpuMs)
}

/** One after the other, so that the time is the time of one. */
async function signOutMany(
  http: Http,
  endpoints: Endpoints,
  told: Receivers,
  times: number,
  cpuMs: () => number,
): Promise<Cost> {
  const browsers: { cookie: string; hint: string }[] = []
  await forEachAtOnce(times, 4, async () => {
    const cookie = await signInBrowser(http, endpoints, clients[0] as Client, alice)
    let hint = ''
    for (const client of clients) hint = (await codeFlow(http, endpoints, client, cookie)).id_token
    browsers.push({ cookie, hint })
  })
  // the first notice waits 1 s after the answer that opened the application (SR-19)
  await new Promise((resolve) => setTimeout(resolve, 1200))
  await told.reset()
  const before = cpuMs()
  const { p50Ms } = await runBatch(
    {
      name: 'sign-out',
      run: async (index) => {
        const { cookie, hint } = browsers[index] as { cookie: string; hint: string }
        const path = `${endpoints.logout}?id_token_hint=${hint}`
        const { status, text } = await http.send('GET', path, { cookie })
        if (status >= 400) throw new Error(`sign-out: ${status} ${text.slice(0, 300)}`)
      },
    },
    { count: times, concurrency: 1, cpuMs },
  )
  await told.untilReceived(times * applicationCount, 60_000)
  return { cpuMs: (cpuMs() - before) / times, p50Ms }
}
