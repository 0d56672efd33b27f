/** The database of a crash run: durable as in production, and readable beside the server that uses it. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import pg from 'pg'
import type { Dialect } from '../../src/store/store.ts'
import { startPostgres, type TestPostgres } from '../support/postgres.ts'

export interface CrashDatabase extends AsyncDisposable {
  readonly dialect: Dialect
  readonly dataDir: string
  readonly flags: readonly string[]
  /** The PostgreSQL of this run; undefined on SQLite. */
  readonly postgres: TestPostgres | undefined
  /** One statement on a connection of its own, beside the server. */
  query<Row>(text: string): Promise<readonly Row[]>
}

export async function createCrashDatabase(dialect: Dialect): Promise<CrashDatabase> {
  const dataDir = mkdtempSync(join(tmpdir(), 'curfew-crash-'))
  const postgres = dialect === 'postgres' ? await startPostgres({ fsync: true }) : undefined
  return {
    dialect,
    dataDir,
    postgres,
    flags: ['--data', dataDir, ...(postgres ? ['--database-url', postgres.url] : [])],
    async query<Row>(text: string) {
      if (postgres) return queryPostgres<Row>(postgres.url, text)
      using database = new DatabaseSync(join(dataDir, 'curfew.db'), { timeout: 5000 })
      return database.prepare(text).all() as Row[]
    },
    async [Symbol.asyncDispose]() {
      await postgres?.stop()
      rmSync(dataDir, { recursive: true, force: true, maxRetries: 5 })
    },
  }
}

async function queryPostgres<Row>(connectionString: string, text: string): Promise<readonly Row[]> {
  const client = new pg.Client({ connectionString })
  await client.connect()
  try {
    return (await client.query(text)).rows as Row[]
  } finally {
    await client.end()
  }
}
