/** The embedded database: one file, one process, durable commits. */
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { Ambient } from '../../ambient/ambient.ts'
import { migrate, migrations } from '../migration/migrate.ts'
import { noteProcess } from '../process.ts'
import type { Store, StoreSettings } from '../store.ts'
import { createWakeBus } from '../wake.ts'
import { makeDataFolder } from './data-folder.ts'
import { createWriter } from './group-commit.ts'
import { lockFolder } from './lock-folder.ts'
import { makePrivateFile } from './make-private-file.ts'
import { openSqliteQueries, openSqliteTransactions } from './sqlite-driver.ts'
import { unavailable } from './sqlite-fault.ts'

/** Changed pages that do not fit are written before the commit, and a wide sign-out changes many. */
const writingCacheMib = 16
const readingCacheMib = 8
/**
 * Whoever commits this page moves all of them into the database file and waits for the disk. At SQLite's own 1,000
 * that is one claim in forty beside a full outbox; a page that has changed twice meanwhile is moved once. 16 MB of log.
 */
const checkpointPageCount = 4000

export async function openSqliteStore(settings: StoreSettings, ambient: Ambient): Promise<Store> {
  makeDataFolder(settings.dataDir)
  const lock = lockFolder(settings.dataDir)
  const file = join(settings.dataDir, 'curfew.db')
  makePrivateFile(file)
  const writing = openConnection(file, writingCacheMib)
  writing.exec('pragma journal_mode = wal; pragma synchronous = full; pragma foreign_keys = on')
  writing.exec(`pragma wal_autocheckpoint = ${checkpointPageCount}`)
  const reading = openConnection(file, readingCacheMib)
  const bus = createWakeBus()
  const queries = openSqliteTransactions(writing)
  const writer = createWriter({ database: writing, queries, bus, log: ambient.log })
  const read = { db: openSqliteQueries(reading), dialect: 'sqlite' } as const

  const close = async (): Promise<void> => {
    await writer.close()
    reading.close()
    writing.close()
    lock.release()
  }
  try {
    await writer.transact(async (tx) => {
      await migrate(tx, migrations, ambient.clock.now())
      if (settings.processId) await noteProcess(tx, settings.processId, ambient.clock.now())
    })
  } catch (error) {
    await close()
    throw error
  }
  return {
    dialect: 'sqlite',
    clock: ambient.clock,
    read,
    transact: (work) => writer.transact(work),
    onWake: (channel, heard) => bus.on(channel, heard),
    async check() {
      try {
        reading.prepare('select 1 from schema_migration limit 1').get()
      } catch (error) {
        throw unavailable(error)
      }
    },
    [Symbol.asyncDispose]: close,
  }
}

function openConnection(file: string, cacheMib: number): DatabaseSync {
  const database = new DatabaseSync(file, { timeout: 5000 })
  // what does not fit is read from the kernel's cache; temporary tables stay in memory
  database.exec(`pragma cache_size = -${cacheMib * 1024}; pragma temp_store = memory`)
  return database
}
