/** Errors of the simulated database, with PostgreSQL's codes. */

/** An error with PostgreSQL's code. */
export function databaseError(code: string, message: string): Error {
  return Object.assign(new Error(message), { code })
}

/** True for an error that PostgreSQL could have answered with. */
export function isCoded(error: Error): boolean {
  return 'code' in error && /^[0-9A-Z]{5}$/.test(String(error.code))
}

/** SQLite's constraint errors by PostgreSQL's codes; others as they are. */
export function knownError(error: unknown): Error {
  if (!(error instanceof Error)) return new Error(String(error))
  if (/UNIQUE constraint failed/.test(error.message)) return databaseError('23505', error.message)
  if (/FOREIGN KEY constraint failed/.test(error.message)) return databaseError('23503', error.message)
  if (/CHECK constraint failed/.test(error.message)) return databaseError('23514', error.message)
  if (/NOT NULL constraint failed/.test(error.message)) return databaseError('23502', error.message)
  return error
}
