/**
 * The name under which a process leases deliveries. A lock in the data folder goes with it, so that a process which
 * starts again after a crash knows that its predecessor is dead and need not wait for its leases to run out. Processes
 * that share a folder have names of their own.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Random, randomId } from '../ambient/random.ts'
import { holdLock } from './sqlite/hold-lock.ts'

export interface WorkerName extends Disposable {
  readonly name: string
  /** True when the lock of the name is held: whoever had the name before is dead. */
  readonly isHeld: boolean
}

/** Processes on one folder that get a name with a lock; one more leases under a name of its own. */
const workerCountMax = 16

/**
 * Never fails: without a folder to write in, the name is new at each start, and leases of the dead run out (D4).
 * @param host part of the name, because a folder may be copied to another machine, or be seen by both
 */
export function takeWorkerName(dataDir: string, host: string, random: Random): WorkerName {
  const fresh = randomId(random, 'w_', 96)
  try {
    const folder = nameOfFolder(dataDir, fresh)
    for (let number = 0; number < workerCountMax; number++) {
      const lock = tryLock(join(dataDir, `worker-${number}.lock`))
      if (lock) return { name: `${folder}-${number}@${host}`, isHeld: true, [Symbol.dispose]: lock.release }
    }
  } catch {
    // a folder that cannot be written in, which PostgreSQL does not need
  }
  return { name: fresh, isHeld: false, [Symbol.dispose]: () => undefined }
}

/** Two folders never have one name, or a process would take the leases of a living one for those of the dead. */
function nameOfFolder(dataDir: string, fresh: string): string {
  const file = join(dataDir, 'worker')
  try {
    writeFileSync(file, fresh, { mode: 0o600, flag: 'wx' })
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
  }
  return readFileSync(file, 'utf8').trim() || fresh
}

function tryLock(file: string): ReturnType<typeof holdLock> | undefined {
  try {
    return holdLock(file)
  } catch (error) {
    if (error instanceof Error && 'errcode' in error && error.errcode === sqliteBusy) return undefined
    throw error
  }
}

const sqliteBusy = 5
