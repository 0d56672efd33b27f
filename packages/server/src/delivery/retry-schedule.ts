/** When a delivery is tried again. Pure: the jitter's fraction and the instant are arguments. */
import type { Instant } from '../ambient/clock.ts'

const second = 1000
const minute = 60 * second
const hour = 60 * minute

/**
 * The delay before each try, first to last: dense while the person may be watching, then a long tail (delivery.md,
 * "schedule and limits"). 16 tries over 71.9 h.
 */
export const retryDelaysMs: readonly number[] = [
  0,
  2 * second,
  10 * second,
  30 * second,
  2 * minute,
  5 * minute,
  15 * minute,
  30 * minute,
  1 * hour,
  2 * hour,
  4 * hour,
  8 * hour,
  8 * hour,
  12 * hour,
  12 * hour,
  24 * hour,
]

/** Each delay is lengthened or shortened by up to this share, so that what failed together does not return together. */
export const retryJitter = 0.2

/** After a "no": long enough for a key cache and a clock, short enough for a person (SR-18). */
export const secondChanceDelayMs = minute

/** An application may ask for a later try, but not for one after the value of the sign-out is gone. */
export const retryAfterSecondsMax = 15 * 60

/**
 * The instant of the next scheduled try after `tryCount` tries, or undefined when the horizon has been reached.
 * The horizon alone ends a delivery, never a count: tries that an administrator or a closing breaker brought
 * forward must not use up the days that were promised. A due time beyond the horizon is cut to it (D12).
 *
 * @param fraction in [0, 1): where in the jitter's range the delay lies.
 * @param retryAfterSeconds lengthens the delay, to 15 min at most; never shortens it.
 */
export function nextTryAt(
  tryCount: number,
  horizonAt: Instant,
  fraction: number,
  at: Instant,
  retryAfterSeconds = 0,
): Instant | undefined {
  if (at >= horizonAt) return undefined
  const delay = retryDelaysMs[Math.min(tryCount, retryDelaysMs.length - 1)] as number
  const jittered = jitter(delay, fraction)
  const asked = Math.min(Math.max(retryAfterSeconds, 0), retryAfterSecondsMax) * second
  return Math.min(at + Math.max(jittered, asked), horizonAt)
}

/** After a fault of the egress proxy, which says nothing of the application: a steady rhythm up to the horizon. */
export const proxyRetryDelayMs = 30 * second

/** The next look whether the proxy works again; undefined when the horizon has been reached. */
export function proxyRetryAt(horizonAt: Instant, fraction: number, at: Instant): Instant | undefined {
  return at >= horizonAt ? undefined : Math.min(at + jitter(proxyRetryDelayMs, fraction), horizonAt)
}

/** The one more try that follows a "no", cut to the horizon; undefined when there is no time for it. */
export function secondChanceAt(horizonAt: Instant, at: Instant): Instant | undefined {
  return at >= horizonAt ? undefined : Math.min(at + secondChanceDelayMs, horizonAt)
}

function jitter(delayMs: number, fraction: number): number {
  return Math.round(delayMs * (1 - retryJitter + 2 * retryJitter * fraction))
}
