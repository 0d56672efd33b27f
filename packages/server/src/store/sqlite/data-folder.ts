/** The data folder, made when it is missing. */
import { accessSync, constants, mkdirSync } from 'node:fs'
import { CurfewError } from '../../errors.ts'

/** @throws CURFEW_CONFIG_INVALID when it is not a folder, or this user may not write in it */
export function makeDataFolder(dataDir: string): void {
  try {
    mkdirSync(dataDir, { recursive: true, mode: 0o700 })
    accessSync(dataDir, constants.R_OK | constants.W_OK | constants.X_OK)
  } catch (cause) {
    throw new CurfewError('CURFEW_CONFIG_INVALID', `data: ${whyUnusable(dataDir, cause)}`, { cause })
  }
}

function whyUnusable(dataDir: string, cause: unknown): string {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : String(cause)
  switch (code) {
    case 'EEXIST':
    case 'ENOTDIR':
      return `${dataDir} is not a folder. Name one with --data (or CURFEW_DATA).`
    case 'EACCES':
    case 'EPERM':
      return `this user may not write in ${dataDir}. Give the folder to the user that runs Curfew, or name another with --data (or CURFEW_DATA).`
  }
  return `${dataDir} cannot be used (${code}). Name another folder with --data (or CURFEW_DATA).`
}
