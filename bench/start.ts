/**
 * How soon `curfew serve` is ready on a database that exists, and how much memory it holds then and under load.
 *
 *   npm run bench -- start [--runs 5] [--count 4000] [--database sqlite|postgres]
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { realmExport, testPassword, testSecret } from '../packages/server/test/support/realm-export.ts'
import { type BenchDatabase, databasesOf, openDatabase } from './support/database.ts'
import { type Client, codeFlow, createHttp, discover, tokenRequest } from './support/flows.ts'
import { cpuMsOf, residentMibOf } from './support/process-cpu.ts'
import { forEachAtOnce } from './support/run-batch.ts'
import { signInBrowser } from './support/sign-in.ts'
import { type RunningServer, spawnCurfew } from './support/spawn-server.ts'

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '5' },
    count: { type: 'string', default: '4000' },
    database: { type: 'string' },
  },
})
const alice = { username: 'alice', password: testPassword }
const client: Client = {
  clientId: 'bench',
  secret: testSecret,
  redirectUri: 'https://bench.example/callback',
}

for (const kind of databasesOf(values.database)) {
  await using database = await openDatabase(kind)
  const dataDir = mkdtempSync(join(tmpdir(), 'curfew-bench-'))
  try {
    await measure(kind, database, dataDir)
  } finally {
    rmSync(dataDir, { recursive: true, force: true })
  }
}

async function measure(title: string, database: BenchDatabase, dataDir: string): Promise<void> {
  const start = (realms: readonly string[] = []): Promise<RunningServer> =>
    spawnCurfew({ realms, databaseUrl: database.url, dataDir })
  // the first start makes the tables, the realms and their keys
  await (
    await start([realmExport({ clients: [{ clientId: client.clientId, serviceAccount: true }] })])
  ).stop()
  const times: { wallMs: number; cpuMs: number; mib: number }[] = []
  for (let run = 0; run < Number(values.runs); run++) {
    const startedAt = performance.now()
    await using server = await start()
    const wallMs = performance.now() - startedAt
    times.push({ wallMs, cpuMs: cpuMsOf(server.pid), mib: residentMibOf(server.pid) })
  }
  const middle = times.toSorted((a, b) => a.wallMs - b.wallMs)[Math.floor(times.length / 2)]
  if (!middle) return
  console.log(
    `${title.padEnd(9)} ready after ${middle.wallMs.toFixed(0)} ms (${middle.cpuMs.toFixed(0)} ms CPU), ${middle.mib.toFixed(0)} MiB resident`,
  )
  await using server = await start()
  await load(server)
}

async function load(server: RunningServer): Promise<void> {
  await using http = createHttp(server.url, 16)
  const endpoints = await discover(http, '/realms/test')
  const cookie = await signInBrowser(http, endpoints, client, alice)
  let highest = 0
  await forEachAtOnce(Number(values.count), 16, async (index) => {
    await codeFlow(http, endpoints, client, cookie)
    await tokenRequest(http, endpoints, client, { grant_type: 'client_credentials' })
    if (index % 50 === 0) highest = Math.max(highest, residentMibOf(server.pid))
  })
  console.log(
    `          ${highest.toFixed(0)} MiB resident at most under ${values.count} code flows and client credentials`,
  )
}
