/**
 * The outbox under load: deliveries per second, what hanging applications do to the others, two processes beside
 * one, a realm-wide sign-out, and what a long queue for dead applications costs. Ratios within one run.
 *
 *   npm run bench -- delivery [--scale 1] [--database sqlite|postgres] [--only rate,isolation,processes,bulk,backlog,claims]
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { parseArgs } from 'node:util'
import pg from 'pg'
import { realmExport } from '../packages/server/test/support/realm-export.ts'
import { measureClaims } from './support/claim-times.ts'
import { type BenchDatabase, type DatabaseKind, databasesOf, openDatabase } from './support/database.ts'
import { fillOutbox } from './support/fill-outbox.ts'
import { residentMibOf } from './support/process-cpu.ts'
import { startReceivers } from './support/receivers.ts'
import { spawnCurfew } from './support/spawn-server.ts'

const { values } = parseArgs({
  options: {
    scale: { type: 'string', default: '1' },
    database: { type: 'string' },
    only: { type: 'string', default: 'rate,isolation,processes,bulk,backlog,claims' },
  },
})
const scale = Number(values.scale)
const parts = new Set(values.only.split(','))
const unlimited = ['--delivery-rate-per-second-max', '10000', '--delivery-leased-count-max', '16']
/** From the last row that is written to the first that is due: the server starts meanwhile. */
const headStartMs = 10_000

type Algorithm = 'RS256' | 'ES256'

for (const kind of databasesOf(values.database)) await measureBacklog(kind)

interface Bench extends AsyncDisposable {
  readonly database: BenchDatabase
  readonly dataDir: string
  readonly clients: readonly { readonly clientId: string; readonly address: string }[]
  query<Row>(text: string): Promise<readonly Row[]>
}

/** A realm with one application per port, imported by a server that is stopped again. */
async function prepare(
  kind: DatabaseKind,
  ports: readonly number[],
  algorithm: Algorithm = 'RS256',
): Promise<Bench> {
  const database = await openDatabase(kind)
  const dataDir = mkdtempSync(join(tmpdir(), 'curfew-bench-'))
  const clients = ports.map((port, index) => ({
    clientId: `app-${index}`,
    address: `http://127.0.0.1:${port}/backchannel-logout`,
  }))
  const exported = clients.map(({ clientId, address }) => ({ clientId, algorithm, backchannelUrl: address }))
  {
    await using _importing = await spawnCurfew({
      realms: [realmExport({ clients: exported })],
      databaseUrl: database.url,
      dataDir,
    })
  }
  return {
    database,
    dataDir,
    clients,
    async query<Row>(text: string) {
      if (database.url === undefined) {
        using sqlite = new DatabaseSync(join(dataDir, 'curfew.db'), { timeout: 5000 })
        return sqlite.prepare(text).all() as Row[]
      }
      const client = new pg.Client({ connectionString: database.url })
      await client.connect()
      try {
        return (await client.query(text)).rows as Row[]
      } finally {
        await client.end()
      }
    },
    async [Symbol.asyncDispose]() {
      await database[Symbol.asyncDispose]()
      rmSync(dataDir, { recursive: true, force: true, maxRetries: 5 })
    },
  }
}

async function measureRate(kind: DatabaseKind, algorithm: Algorithm): Promise<void> {
  using receivers = await startReceivers(100)
  await using bench = await prepare(kind, receivers.ports, algorithm)
  const { perSecond, count } = await drain(bench, receivers, Math.ceil(200 * scale), 1, unlimited)
  print(`${kind} ${algorithm}, 100 applications`, `${perSecond.toFixed(0)} deliveries/s over ${count}`)
}

/** Tells everybody of `signOutCount` sign-outs that fall due at one instant, with so many processes. */
async function drain(
  bench: Bench,
  receivers: Awaited<ReturnType<typeof startReceivers>>,
  signOutCount: number,
  processCount: number,
  flags: readonly string[],
): Promise<{ readonly perSecond: number; readonly count: number }> {
  const { database, dataDir, clients } = bench
  const count = signOutCount * clients.length
  // the rows are written first, and fall due when everybody has started
  const later = Date.now() + 3_600_000
  await fillOutbox({ dataDir, databaseUrl: database.url, clients, signOutCount, dueAt: () => later })
  const dueAt = Date.now() + headStartMs
  await bench.query(`update delivery set due_at = ${dueAt} where state = 'pending'`)
  const servers = await Promise.all(
    Array.from({ length: processCount }, () => spawnCurfew({ databaseUrl: database.url, dataDir, flags })),
  )
  try {
    // a busy machine may have started them late
    const startedAt = Math.max(dueAt, Date.now())
    const lastAt = await receivers.untilReceived(count, 300_000)
    return { perSecond: count / ((lastAt - startedAt) / 1000), count }
  } finally {
    for (const server of servers) await server.stop()
  }
}

async function measureProcesses(): Promise<void> {
  const results: number[] = []
  for (const processCount of [1, 2]) {
    using receivers = await startReceivers(50, 100)
    await using bench = await prepare('postgres', receivers.ports)
    const flags = [...unlimited, '--delivery-slot-count', '32']
    const { perSecond } = await drain(bench, receivers, Math.ceil(60 * scale), processCount, flags)
    results.push(perSecond)
  }
  const [one = 0, two = 0] = results
  print(
    'postgres, applications that take 100 ms',
    `one process ${one.toFixed(0)}/s, two ${two.toFixed(0)}/s, ratio ${(two / one).toFixed(2)}`,
  )
}

/** 50 applications, first all healthy, then five of them silent; how late the healthy ones are told. */
async function measureIsolation(kind: DatabaseKind): Promise<void> {
  const perSecond = 300
  const p99s: number[] = []
  for (const silentCount of [0, 5]) {
    using healthy = await startReceivers(50 - silentCount)
    using silent = await startReceivers(Math.max(1, silentCount), 60_000)
    await using bench = await prepare(kind, [...healthy.ports, ...silent.ports.slice(0, silentCount)])
    const { database, dataDir, clients } = bench
    const signOutCount = Math.ceil((perSecond * 10 * scale) / clients.length)
    const startAt = Date.now() + headStartMs + signOutCount * 20
    const dueAt = (number: number): number => startAt + (number * 1000 * clients.length) / perSecond
    await fillOutbox({
      dataDir,
      databaseUrl: database.url,
      clients,
      signOutCount,
      dueAt: (n) => Math.round(dueAt(n)),
    })
    await using _server = await spawnCurfew({ databaseUrl: database.url, dataDir, flags: unlimited })
    await healthy.untilReceived(signOutCount * healthy.ports.length, 120_000)
    await new Promise((resolve) => setTimeout(resolve, 500))
    const late = await bench.query<{ ms: string | number }>(
      "select settled_at - due_at as ms from delivery where state = 'accepted' order by 1",
    )
    p99s.push(Number(late[Math.floor(late.length * 0.99)]?.ms))
  }
  const [alone, beside] = p99s
  print(
    `${kind}, ${perSecond}/s, p99 from due to told`,
    `${alone} ms alone, ${beside} ms beside 10 % that hang`,
  )
}

/** Everybody of a realm is signed out by its administrator, with ten applications each. */
async function measureBulk(kind: DatabaseKind): Promise<void> {
  using receivers = await startReceivers(10)
  await using bench = await prepare(kind, receivers.ports)
  const sessionCount = Math.ceil(10_000 * scale)
  await fillSessions(bench, kind, sessionCount)
  const administrator = [
    '--bootstrap-admin-username',
    'admin',
    '--bootstrap-admin-password',
    'bench-password',
  ]
  await using server = await spawnCurfew({
    databaseUrl: bench.database.url,
    dataDir: bench.dataDir,
    flags: [...unlimited, ...administrator],
  })
  const answer = await fetch(`${server.url}/realms/master/protocol/openid-connect/token`, {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'password',
      client_id: 'admin-cli',
      username: 'admin',
      password: 'bench-password',
    }),
  })
  const { access_token: token } = (await answer.json()) as { access_token?: string }
  const startedAt = performance.timeOrigin + performance.now()
  const ended = await fetch(`${server.url}/admin/realms/test/logout-all`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}` },
  })
  if (!ended.ok) throw new Error(`logout-all: ${ended.status} ${await ended.text()}`)
  const closedMs = performance.timeOrigin + performance.now() - startedAt
  const lastAt = await receivers.untilReceived(sessionCount * 10, 600_000)
  print(
    `${kind}, ${sessionCount} sessions × 10 ended at once`,
    `acknowledged ${closedMs.toFixed(0)} ms, all told ${((lastAt - startedAt) / 1000).toFixed(1)} s`,
  )
}

async function fillSessions({ query }: Bench, kind: DatabaseKind, sessionCount: number): Promise<void> {
  const numbers =
    kind === 'sqlite'
      ? `with recursive n (i) as (select 1 union all select i + 1 from n where i < ${sessionCount})`
      : `with n (i) as (select generate_series(1, ${sessionCount}))`
  const applications = Array.from({ length: 10 }, (_, index) => `select 'app-${index}' as id`).join(
    ' union all ',
  )
  const realm = `(select id from realm where name = 'test')`
  const account = `(select id from account where username = 'alice')`
  const at = Date.now()
  const later = at + 36_000_000
  await query(`insert into session (uid, realm_id, account_id, cookie_hash, state, created_at, last_active_at,
    idle_until, ends_at, remember_me, payload) ${numbers} select 'uid-' || i, ${realm}, ${account}, 'cookie-' || i,
    'active', ${at - 60_000}, ${at - 60_000}, ${later}, ${later}, 0, '{}' from n`)
  await query(`insert into client_session (session_uid, client_id, realm_id, sid, protocol, grant_id, sub, issuer,
    started_at, last_active_at, answered_at, expires_at) ${numbers} select 'uid-' || i, a.id, ${realm},
    'sid-' || i || a.id, 'openid-connect', 'grant-' || i || a.id, 'alice', 'http://localhost/realms/test',
    ${at - 60_000}, ${at - 60_000}, ${at - 60_000}, ${later} from n cross join (${applications}) a`)
}

/** What a hundred thousand deliveries that wait for dead applications cost a server that has nothing else to do. */
async function measureBacklog(kind: DatabaseKind): Promise<void> {
  const dead = Array.from({ length: 100 }, (_, index) => 700 + index)
  await using bench = await prepare(kind, dead)
  const { database, dataDir, clients } = bench
  const residentOnceIdle = async (): Promise<number[]> => {
    await using server = await spawnCurfew({ databaseUrl: database.url, dataDir })
    const all: number[] = []
    for (let i = 0; i < 6; i++) {
    await new Promise((resolve) => setTimeout(resolve, 5_000))
    all.push(Math.round(residentMibOf(server.pid)*10)/10)
    }
    return all
  }
  console.log(kind, 'empty', await residentOnceIdle())
  await fillOutbox({ dataDir, databaseUrl: database.url, clients, signOutCount: 1, dueAt: () => Date.now() })
  console.log(kind, '100', await residentOnceIdle())
  await bench.query('delete from attempt'); await bench.query('delete from delivery'); await bench.query('delete from endpoint'); await bench.query('delete from sign_out')
  await fillOutbox({ dataDir, databaseUrl: database.url, clients, signOutCount: 10, dueAt: () => Date.now() })
  console.log(kind, '1000', await residentOnceIdle())
  await bench.query('delete from attempt'); await bench.query('delete from delivery'); await bench.query('delete from endpoint'); await bench.query('delete from sign_out')
  await fillOutbox({ dataDir, databaseUrl: database.url, clients, signOutCount: 1000, dueAt: () => Date.now() })
  console.log(kind, '100000', await residentOnceIdle())
}

/** Rows that wait for dead applications must not slow down the claim of the others: 100,000 (issue), 1,000,000 (L-10). */
async function measureClaimTimes(kind: DatabaseKind): Promise<void> {
  const dead = Array.from({ length: 100 }, (_, index) => 700 + index)
  await using bench = await prepare(kind, dead)
  const { database, dataDir, clients, query } = bench
  let filled = 0
  for (const rowCount of [0, 100_000 * scale, 1_000_000 * scale]) {
    const signOutCount = Math.ceil((rowCount - filled) / clients.length)
    const firstSignOut = filled / clients.length
    await fillOutbox({
      dataDir,
      databaseUrl: database.url,
      clients,
      signOutCount,
      firstSignOut,
      dueAt: () => Date.now(),
    })
    filled += signOutCount * clients.length
    const endpoints = await query<{ id: string }>("select id from endpoint where client_id like 'app-%'")
    const ids = endpoints.length > 0 ? endpoints.map(({ id }) => id) : ['none']
    const { claimMs, sweepMs } = await measureClaims({ dataDir, databaseUrl: database.url }, ids)
    print(
      `${kind}, claim beside ${filled} waiting for 100 dead applications`,
      `p50 ${claimMs.p50.toFixed(1)} ms, p99 ${claimMs.p99.toFixed(1)} ms; sweep p50 ${sweepMs.p50.toFixed(1)} ms, p99 ${sweepMs.p99.toFixed(1)} ms`,
    )
  }
}

function print(title: string, figures: string): void {
  console.log(`${title.padEnd(58)} ${figures}`)
}
