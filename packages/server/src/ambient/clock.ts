/**
 * Time as an argument. Concept code never reads the clock itself: it is handed one, or an instant.
 */

/** A point in time: whole milliseconds since 1970-01-01T00:00Z. The same number is stored in both databases. */
export type Instant = number

export interface Clock {
  /** The present instant. */
  now(): Instant
}

/** The clock of this machine. It may be wrong, and may be set at any moment (F-28). */
export interface MachineClock extends Clock {
  /** Milliseconds since some moment in the past; nobody can set them. */
  elapsedMs(): number
}

export const systemClock: MachineClock = { now: () => Date.now(), elapsedMs: () => performance.now() }

export function isMachineClock(clock: Clock): clock is MachineClock {
  return 'elapsedMs' in clock
}

/** NumericDate of RFC 7519 §2: whole seconds, rounded down so that an `iat` is never ahead of the clock. */
export function toNumericDate(at: Instant): number {
  return Math.floor(at / 1000)
}
