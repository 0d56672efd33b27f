/**
 * Every storage test runs on both databases: `forEachDatabase` opens a block of tests for each, with the
 * database in the title. `CURFEW_TEST_DATABASE=sqlite|postgres` runs one of them alone.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe } from 'node:test'
import { type Ambient, systemAmbient } from '../../src/ambient/ambient.ts'
import { type Dialect, openStore, type Store } from '../../src/store/store.ts'
import { createDatabase, startPostgres, type TestPostgres } from './postgres.ts'

export interface TestDatabase {
  readonly dialect: Dialect
  /** Opens a fresh, empty, migrated database. Closed and removed at the end of the block at the latest. */
  open(ambient?: Ambient): Promise<Store>
  /**
   * Settings of a fresh database without rows, with or without tables, for tests that open it themselves, more than
   * once or in another process.
   */
  create(): Promise<{ readonly dataDir: string; readonly databaseUrl: string | undefined }>
}

/** Defines the same tests for SQLite and for PostgreSQL. */
export function forEachDatabase(title: string, define: (database: TestDatabase) => void): void {
  const chosen = process.env['CURFEW_TEST_DATABASE']
  for (const dialect of ['sqlite', 'postgres'] as const) {
    if (chosen && chosen !== dialect) continue
    describe(`${title} [${dialect}]`, () => {
      const { database, start, clean } = testDatabase(dialect)
      before(start)
      define(database)
      // hooks run in the order of their registration: what a test opened on the database ends before it
      after(clean)
    })
  }
}

function testDatabase(dialect: Dialect): {
  database: TestDatabase
  start(): Promise<void>
  clean(): Promise<void>
} {
  const cleaning: (() => Promise<void> | void)[] = []
  let server: TestPostgres | undefined
  let url = process.env['CURFEW_TEST_DATABASE_URL']
  const database: TestDatabase = {
    dialect,
    async create() {
      const dataDir = mkdtempSync(join(tmpdir(), 'curfew-test-'))
      cleaning.push(() => rmSync(dataDir, { recursive: true, force: true }))
      if (dialect === 'sqlite') return { dataDir, databaseUrl: undefined }
      if (!url) throw new Error('PostgreSQL is started before the tests of this block run')
      const created = await createDatabase(url, process.env['CURFEW_TEST_TEMPLATE_URL'])
      cleaning.push(created.drop)
      return { dataDir, databaseUrl: created.url }
    },
    async open(ambient = systemAmbient()) {
      const store = await openStore(await database.create(), ambient)
      let isClosed = false
      const close = store[Symbol.asyncDispose].bind(store)
      const closeOnce = async (): Promise<void> => {
        if (isClosed) return
        isClosed = true
        await close()
      }
      cleaning.push(closeOnce)
      return Object.assign(store, { [Symbol.asyncDispose]: closeOnce })
    },
  }
  return {
    database,
    async start() {
      if (dialect === 'sqlite' || url) return
      server = await startPostgres()
      url = server.url
    },
    async clean() {
      // last opened, first closed: a database is dropped after its store is closed
      for (const run of cleaning.reverse()) await run()
      await server?.stop()
    },
  }
}
