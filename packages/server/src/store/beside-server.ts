/**
 * One small transaction beside a running server, for a command of the operator: on SQLite without the lock of the
 * data folder, because that belongs to the server. It writes what only this moment needs, and wakes nobody.
 */
import { existsSync } from 'node:fs'
import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { type Ambient, systemAmbient } from '../ambient/ambient.ts'
import { CurfewError } from '../errors.ts'
import { openSqliteQueries } from './sqlite/sqlite-driver.ts'
import { openStore, type StoreSettings, type Tx } from './store.ts'
import { TransactionEffects } from './transaction-effects.ts'

const busyTimeoutMs = 5000

/** @throws CURFEW_STORE_UNAVAILABLE when there is no database yet, or it is busy for 5 s */
export async function transactBesideServer<T>(
  settings: StoreSettings,
  work: (tx: Tx) => Promise<T>,
  ambient: Ambient = systemAmbient(),
): Promise<T> {
  if (settings.databaseUrl) {
    await using store = await openStore(settings, ambient)
    return await store.transact(work)
  }
  const file = path.join(settings.dataDir, 'curfew.db')
  if (!existsSync(file)) {
    throw new CurfewError(
      'CURFEW_STORE_UNAVAILABLE',
      `There is no database in ${settings.dataDir}; curfew serve makes it.`,
    )
  }
  const database = new DatabaseSync(file, { timeout: busyTimeoutMs })
  try {
    database.exec('begin immediate')
    const db = openSqliteQueries(database)
    const effects = new TransactionEffects()
    const value = await work({
      db,
      dialect: 'sqlite',
      withCommit: (statement) => effects.withCommit(statement),
      afterCommit: () => undefined,
      notify: () => undefined,
    })
    await effects.settleStatements()
    database.exec('commit')
    return value
  } finally {
    database.close()
  }
}
