/** The embedded database: one file, one process, durable commits. */
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { Ambient } from '../../ambient/ambient.ts'
import { CurfewError } from '../../errors.ts'
import { migrate, migrations } from '../migration/migrate.ts'
import type { Store, StoreSettings } from '../store.ts'
import { createWakeBus } from '../wake.ts'
import { makeDataFolder } from './data-folder.ts'
import { createWriter } from './group-commit.ts'
import { makePrivateFile } from './make-private-file.ts'
import { openSqliteQueries, openSqliteTransactions } from './sqlite-driver.ts'
import { unavailable } from './sqlite-fault.ts'

export async function openSqliteStore(settings: StoreSettings, ambient: Ambient): Promise<Store> {
  makeDataFolder(settings.dataDir)
  const lock = lockFolder(settings.dataDir)
  const file = join(settings.dataDir, 'curfew.db')
  makePrivateFile(file)
  const writing = openConnection(file)
  writing.exec('pragma journal_mode = wal; pragma synchronous = full; pragma foreign_keys = on')
  const reading = openConnection(file)
  const bus = createWakeBus()
  const queries = openSqliteTransactions(writing)
  const writer = createWriter({ database: writing, queries, bus, log: ambient.log })
  const read = { db: openSqliteQueries(reading), dialect: 'sqlite' } as const

  const close = async (): Promise<void> => {
    await writer.close()
    reading.close()
    writing.close()
    lock.close()
  }
  try {
    await writer.transact((tx) => migrate(tx, migrations, ambient.clock.now()))
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

function openConnection(file: string): DatabaseSync {
  const database = new DatabaseSync(file, { timeout: 5000 })
  // 16 MiB of pages per connection, the rest is the kernel's cache; temporary tables stay in memory
  database.exec('pragma cache_size = -16384; pragma temp_store = memory')
  return database
}

/**
 * A second process on the same files would run a second writer and a second dispatcher. The operating system
 * drops this lock when the process dies, however it dies.
 */
function lockFolder(dataDir: string): DatabaseSync {
  const file = join(dataDir, 'curfew.lock')
  makePrivateFile(file)
  const lock = new DatabaseSync(file, { timeout: 0 })
  try {
    lock.exec('pragma locking_mode = exclusive; begin exclusive')
    return lock
  } catch (error) {
    lock.close()
    throw new CurfewError(
      'CURFEW_STORE_LOCKED',
      `Another Curfew process uses ${dataDir}. Stop it, give this one another folder with --data, or use PostgreSQL (--database-url) for several processes.`,
      { cause: error },
    )
  }
}
