/**
 * One process at a time on a data folder: a second one would run a second writer and a second dispatcher on the
 * same files. The operating system drops this lock when the process dies, however it dies.
 */
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { CurfewError } from '../../errors.ts'
import { makePrivateFile } from './make-private-file.ts'

/** Held until it is closed. @throws CURFEW_STORE_LOCKED */
export function lockFolder(dataDir: string): DatabaseSync {
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
