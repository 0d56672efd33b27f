/** A lock on a file that the operating system drops when the process dies, however it dies. */
import { DatabaseSync } from 'node:sqlite'
import { makePrivateFile } from './make-private-file.ts'

export interface HeldLock {
  release(): void
}

/**
 * Takes the lock at once, or not at all.
 * @throws Error of SQLite when another process, or another part of this one, holds it, or the file cannot be made
 */
export function holdLock(file: string): HeldLock {
  makePrivateFile(file)
  const lock = new DatabaseSync(file, { timeout: 0 })
  try {
    lock.exec('pragma locking_mode = exclusive; begin exclusive')
  } catch (error) {
    lock.close()
    throw error
  }
  return { release: () => lock.close() }
}
