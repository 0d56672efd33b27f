/** What is said when a request of the engine broke: the database is away, or the fault is ours. */
import { isCurfewError } from '../errors.ts'

/** The database is away: a failed commit, or a read that the driver refused. */
export function isStoreFault(error: unknown): boolean {
  if (isCurfewError(error, 'CURFEW_STORE_UNAVAILABLE')) return true
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  return /^(08|25|53|55|57|58)...$/.test(code) || /^(ECONN|EPIPE|ETIMEDOUT|ERR_SQLITE)/.test(code)
}

/** The answer's status, the kind of its page, and its body for a program. */
export function faultAnswer(isAway: boolean) {
  return isAway
    ? ({
        status: 503,
        reason: 'unavailable',
        headers: { 'retry-after': '5' },
        body: {
          error: 'temporarily_unavailable',
          error_description: 'The server cannot reach its database. Try again.',
        },
      } as const)
    : ({
        status: 500,
        reason: 'server',
        headers: {},
        body: { error: 'server_error', error_description: 'The server made a mistake.' },
      } as const)
}
