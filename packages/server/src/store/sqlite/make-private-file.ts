/**
 * Makes a file that only the owner of the process may read, unless it is there. SQLite itself makes its files as the
 * umask says, readable by everybody on most machines, and gives the journals the rights of the database: in a folder
 * that was there before and is open to others, password hashes and the names of people would be open as well.
 */
import { closeSync, openSync } from 'node:fs'

export function makePrivateFile(path: string): void {
  try {
    closeSync(openSync(path, 'wx', 0o600))
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
  }
}
