/** Which errors say that the database is at fault, and not the statement. */
import { CurfewError } from '../../errors.ts'

/** Primary result codes: busy, locked, no memory, read-only, I/O, corrupt, full, cannot open, not a database. */
const faults = new Set([5, 6, 7, 8, 10, 11, 13, 14, 26])

export function isSqliteFault(error: unknown): boolean {
  return error instanceof Error && 'errcode' in error && faults.has(Number(error.errcode) & 0xff)
}

export function unavailable(cause: unknown): CurfewError {
  const text = cause instanceof Error ? cause.message : String(cause)
  return new CurfewError('CURFEW_STORE_UNAVAILABLE', `The database refused the work: ${text}.`, { cause })
}
