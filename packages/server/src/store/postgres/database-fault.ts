/** Which errors say that the database is away or unfit, and not that the statement is wrong. */
import { CurfewError, isCurfewError } from '../../errors.ts'

/** Serialization failure, deadlock, and a statement that must be prepared anew: the transaction can run again. */
export function isRetryable(error: unknown): boolean {
  const state = sqlStateOf(error)
  return state === '40001' || state === '40P01' || isStaleStatement(error)
}

/**
 * A prepared statement that the connection cannot run any more: a newer process has added a column to a table that
 * it reads whole (R25), or PostgreSQL has forgotten it. Nothing was done; under a new name it runs.
 */
export function isStaleStatement(error: unknown): boolean {
  const state = sqlStateOf(error)
  if (state === '0A000') return /cached plan/.test((error as Error).message)
  return state === '26000' || state === '42P05'
}

/** True for an error that PostgreSQL answered a statement with. */
export function isOfStatement(error: unknown): boolean {
  return /^[0-9A-Z]{5}$/.test(sqlStateOf(error) ?? '')
}

/** Refused because an earlier statement of the same transaction has failed: that one has the cause. */
export function isConsequence(error: unknown): boolean {
  return sqlStateOf(error) === '25P02'
}

/** True for an error that has no SQLSTATE: it comes from the socket or from the pool. */
export function isConnectionError(error: unknown): error is Error {
  return error instanceof Error && !/^[0-9A-Z]{5}$/.test(sqlStateOf(error) ?? '')
}

/** Classes 08, 25, 53, 55, 57, 58 and XX, retries used up, and everything that comes from the socket or the pool. */
export function isDatabaseFault(error: unknown): boolean {
  if (!(error instanceof Error) || isCurfewError(error)) return false
  if (isRetryable(error)) return true
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
