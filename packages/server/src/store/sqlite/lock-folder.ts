/**
 * One process at a time on a data folder: a second one would run a second writer and a second dispatcher on the
 * same files.
 */
import { join } from 'node:path'
import { CurfewError } from '../../errors.ts'
import { type HeldLock, holdLock } from './hold-lock.ts'

/** @throws CURFEW_STORE_LOCKED */
export function lockFolder(dataDir: string): HeldLock {
  try {
    return holdLock(join(dataDir, 'curfew.lock'))
  } catch (error) {
    throw new CurfewError(
      'CURFEW_STORE_LOCKED',
      `Another Curfew process uses ${dataDir}. Stop it, give this one another folder with --data, or use PostgreSQL (--database-url) for several processes.`,
      { cause: error },
    )
  }
}
