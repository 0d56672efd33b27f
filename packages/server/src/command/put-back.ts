/**
 * Puts a copy of the embedded database in its place. Everybody is signed out of the copy while it still lies beside:
 * whenever this breaks off, no server can start on a copy in which ended sessions live (R26).
 */
import { chmodSync, copyFileSync, existsSync, mkdtempSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { makeDataFolder } from '../store/sqlite/data-folder.ts'
import { lockFolder } from '../store/sqlite/lock-folder.ts'

const databaseName = 'curfew.db'

/**
 * Needs no database to be there, or a good one: that one is broken may be why the copy is wanted. It is kept.
 * @param prepare is given the folder in which the copy lies
 * @throws CURFEW_STORE_LOCKED while a server uses the folder
 */
export async function putBack<T>(
  file: string,
  dataDir: string,
  prepare: (folder: string) => Promise<T>,
): Promise<T> {
  makeDataFolder(dataDir)
  const lock = lockFolder(dataDir)
  const beside = mkdtempSync(join(dataDir, 'restore-'))
  try {
    const copy = join(beside, databaseName)
    copyFileSync(file, copy)
    chmodSync(copy, 0o600)
    const prepared = await prepare(beside)
    setAside(join(dataDir, databaseName))
    renameSync(copy, join(dataDir, databaseName))
    return prepared
  } finally {
    rmSync(beside, { recursive: true, force: true })
    lock.release()
  }
}

/** With what its last process had not yet moved from the log into the file. An earlier one that was kept stays. */
function setAside(database: string): void {
  let kept = `${database}.before-restore`
  for (let count = 2; existsSync(kept); count++) kept = `${database}.before-restore-${count}`
  for (const suffix of ['-wal', '-shm', ''])
    if (existsSync(database + suffix)) renameSync(database + suffix, kept + suffix)
}
