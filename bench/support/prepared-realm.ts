/** A realm on a database of its own, written by a server that is stopped again: what a bench fills and then starts. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import pg from 'pg'
import { adminEnvironment } from '../../packages/server/test/support/administrator.ts'
import { realmExport } from '../../packages/server/test/support/realm-export.ts'
import { type BenchDatabase, type DatabaseKind, openDatabase } from './database.ts'
import { type RunningServer, spawnCurfew } from './spawn-server.ts'

export interface PreparedRealm extends AsyncDisposable {
  readonly kind: DatabaseKind
  readonly database: BenchDatabase
  readonly dataDir: string
  /** `app-0`, `app-1`, …, in the order of the addresses. */
  readonly clients: readonly { readonly clientId: string; readonly address: string }[]
  /** On a connection of its own; the server may be running. */
  query<Row>(text: string): Promise<readonly Row[]>
  start(flags?: readonly string[]): Promise<RunningServer>
}

export interface RealmOptions {
  readonly algorithm?: 'RS256' | 'ES256'
  readonly usernames?: readonly string[]
}

const busyTimeoutMs = 5000

/** One application for each address. The realm is called `test`; the server has an administrator. */
export async function prepareRealm(
  kind: DatabaseKind,
  addresses: readonly string[],
  options: RealmOptions = {},
): Promise<PreparedRealm> {
  const { algorithm = 'RS256', usernames = ['alice'] } = options
  const database = await openDatabase(kind)
  const dataDir = mkdtempSync(join(tmpdir(), 'curfew-bench-'))
  const clients = addresses.map((address, index) => ({ clientId: `app-${index}`, address }))
  const exported = clients.map(({ clientId, address }) => ({ clientId, algorithm, backchannelUrl: address }))
  {
    await using _importing = await spawnCurfew({
      realms: [realmExport({ clients: exported, usernames })],
      databaseUrl: database.url,
      dataDir,
      env: adminEnvironment,
    })
  }
  return {
    kind,
    database,
    dataDir,
    clients,
    query: (text) => query(database, dataDir, text),
    start: (flags = []) => spawnCurfew({ databaseUrl: database.url, dataDir, flags }),
    async [Symbol.asyncDispose]() {
      await database[Symbol.asyncDispose]()
      rmSync(dataDir, { recursive: true, force: true, maxRetries: 5 })
    },
  }
}

async function query<Row>({ url }: BenchDatabase, dataDir: string, text: string): Promise<readonly Row[]> {
  if (url === undefined) {
    using sqlite = new DatabaseSync(join(dataDir, 'curfew.db'), { timeout: busyTimeoutMs })
    return sqlite.prepare(text).all() as Row[]
  }
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    return (await client.query(text)).rows as Row[]
  } finally {
    await client.end()
  }
}
