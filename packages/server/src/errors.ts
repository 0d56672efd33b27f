/**
 * The registry of coded errors. Every error that a person or a program can meet has a stable code here and a
 * heading of the same name in `docs/errors.md`; `errors.parity.test.ts` holds the two together.
 *
 * Expected outcomes are values with a `reason`, not errors. What is thrown is either a fault of the
 * surroundings (database away, disk full) or a mistake of the programmer.
 */

export const errorCodes = {
  CURFEW_CONFIG_INVALID: 'The settings cannot be used.',
  CURFEW_STORE_UNAVAILABLE: 'The database cannot be reached or refused the work.',
  CURFEW_STORE_LOCKED: 'Another process uses this SQLite database.',
  CURFEW_STORE_MIGRATION_REFUSED: 'The database schema cannot be brought to this version now.',
  CURFEW_STORE_TOO_NEW: 'The database was written by a newer version of Curfew.',
  CURFEW_REALM_IMPORT_INVALID: 'The realm file cannot be imported.',
  CURFEW_KEY_UNSEAL_FAILED: 'A stored secret cannot be opened with this server secret.',
  CURFEW_DELIVERY_SENDER_MISSING: 'No sender is registered for a delivery channel.',
  CURFEW_ENGINE_NOTICE_ATTEMPTED: 'The protocol engine tried to send a sign-out notice by itself.',
} as const

export type ErrorCode = keyof typeof errorCodes

/** An error with a stable `code`. Match on `code`, never on the class or the text. */
export class CurfewError extends Error {
  readonly code: ErrorCode
  /** One line each: what was wrong and what to do. */
  readonly problems: readonly string[]

  constructor(code: ErrorCode, problems: string | readonly string[], options?: { cause?: unknown }) {
    const list = typeof problems === 'string' ? [problems] : problems
    super(list.length > 0 ? list.join('\n') : errorCodes[code], options)
    this.name = 'CurfewError'
    this.code = code
    this.problems = list
  }
}

export function isCurfewError(error: unknown, code?: ErrorCode): error is CurfewError {
  return (
    error instanceof Error &&
    'code' in error &&
    (code ? error.code === code : String(error.code).startsWith('CURFEW_'))
  )
}
