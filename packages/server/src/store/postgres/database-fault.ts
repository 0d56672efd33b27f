/** Which errors say that the database is away or unfit, and not that the statement is wrong. */
import { CurfewError, isCurfewError } from '../../errors.ts'

/** Serialization failure, deadlock, and a statement that must be prepared anew: the transaction can run again. */
export function isRetryable(error: unknown): boolean {
  const state = sqlStateOf(error)
  return state === '40001' || state === '40P01' || isStalePlan(error)
}

/** A column was added to a table that a prepared statement reads whole, by a newer process beside this one. */
export function isStalePlan(error: unknown): boolean {
  return error instanceof Error && sqlStateOf(error) === '0A000' && /cached plan/.test(error.message)
}

/** True for an error that has no SQLSTATE: it comes from the socket or from the pool. */
export function isConnectionError(error: unknown): error is Error {
  return error instanceof Error && !/^[0-9A-Z]{5}$/.test(sqlStateOf(error) ?? '')
}

/** Classes 08, 25, 53, 55, 57, 58 and XX, retries used up, and everything that comes from the socket or the pool. */
export function isDatabaseFault(error: unknown): boolean {
  if (!(error instanceof Error) || isCurfewError(error)) return false
  const state = sqlStateOf(error)
  if (state && /^[0-9A-Z]{5}$/.test(state)) return /^(08|25|53|55|57|58|XX|40)/.test(state)
  return (
    (state !== undefined && /^E[A-Z]+$/.test(state)) ||
    /timeout|terminated|Connection|connection|not queryable/.test(error.message)
  )
}

export function unavailable(cause: unknown): CurfewError {
  const text = cause instanceof Error ? cause.message : String(cause)
  return new CurfewError('CURFEW_STORE_UNAVAILABLE', `The database is not available: ${text}.`, { cause })
}

function sqlStateOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error ? String(error.code) : undefined
}
