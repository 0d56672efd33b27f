/**
 * The health of one address: breaker, ramp and pace. Pure.
 *
 * The breaker pauses and never drops, and no endpoint is ever disabled by itself, as webhook systems do: losing
 * "invoice paid" is a nuisance, losing "session revoked" is a security fault (D8).
 */
import type { Instant } from '../ambient/clock.ts'
import type { DeliverySettings, EndpointSign } from './delivery.ts'

export interface EndpointHealth {
  /** Failures in a row that may recover. */
  readonly failureCount: number
  /** How often the breaker opened since the last answer; doubles the pause. */
  readonly openedCount: number
  /** Set while the breaker is open (in the future) or half-open (in the past). */
  readonly openUntil: Instant | null
  readonly recoveredAt: Instant | null
  readonly rampLimit: number | null
  readonly rampSuccessCount: number
  readonly pacedUntil: Instant
  readonly isGone: boolean
}

export const healthyEndpoint: EndpointHealth = {
  failureCount: 0,
  openedCount: 0,
  openUntil: null,
  recoveredAt: null,
  rampLimit: null,
  rampSuccessCount: 0,
  pacedUntil: 0,
  isGone: false,
}

export const breakerFailureCount = 5
export const breakerPauseMs = 30_000
export const breakerPauseMsMax = 600_000
/** Successes after which the ramp doubles (D9). */
export const rampSuccessCount = 10

/** True when nothing about the endpoint needs to be written after one more accepting answer. */
export function isAtRest(health: EndpointHealth): boolean {
  return health.failureCount === 0 && health.openUntil === null && health.rampLimit === null && !health.isGone
}

/** The health after one try. */
export function healthAfter(
  health: EndpointHealth,
  sign: EndpointSign,
  settings: Pick<DeliverySettings, 'leasedPerEndpointMax'>,
  at: Instant,
): EndpointHealth {
  switch (sign) {
    case 'none':
      return health
    case 'silent':
      return afterFailure(health, at)
    case 'accepted':
    case 'answered':
      return { ...afterAnswer(health, settings, at), isGone: sign === 'accepted' ? false : health.isGone }
    case 'gone':
      return { ...afterAnswer(health, settings, at), isGone: true }
  }
}

function afterFailure(health: EndpointHealth, at: Instant): EndpointHealth {
  const failed = { ...health, failureCount: health.failureCount + 1, rampSuccessCount: 0 }
  // a try that began before the pause adds nothing to it
  if (health.openUntil !== null && health.openUntil > at) return failed
  const isProbe = health.openUntil !== null
  if (!isProbe && failed.failureCount < breakerFailureCount) return failed
  const openedCount = health.openedCount + 1
  const pauseMs = Math.min(breakerPauseMs * 2 ** (openedCount - 1), breakerPauseMsMax)
  return { ...failed, openedCount, openUntil: at + pauseMs, recoveredAt: null, rampLimit: null }
}

function afterAnswer(
  health: EndpointHealth,
  { leasedPerEndpointMax }: Pick<DeliverySettings, 'leasedPerEndpointMax'>,
  at: Instant,
): EndpointHealth {
  const answered = { ...health, failureCount: 0, openedCount: 0, openUntil: null }
  if (health.openUntil !== null) return { ...answered, recoveredAt: at, rampLimit: 1, rampSuccessCount: 0 }
  if (health.rampLimit === null) return answered
  if (health.rampSuccessCount + 1 < rampSuccessCount) {
    return { ...answered, rampSuccessCount: health.rampSuccessCount + 1 }
  }
  const doubled = health.rampLimit * 2
  return { ...answered, rampSuccessCount: 0, rampLimit: doubled >= leasedPerEndpointMax ? null : doubled }
}

/** How many rows may be claimed at this endpoint now; when none, the instant from which to ask again. */
export interface Room {
  readonly count: number
  /** Undefined: as soon as one of its leased rows is settled. */
  readonly askAgainAt: Instant | undefined
}

/** The limits on leased rows, half-open probe, ramp and pace together (D3, D8, D9). */
export function roomAt(
  health: EndpointHealth,
  leasedCount: number,
  settings: Pick<DeliverySettings, 'leasedPerEndpointMax' | 'ratePerEndpoint'>,
  at: Instant,
): Room {
  if (health.openUntil !== null && health.openUntil > at) return { count: 0, askAgainAt: health.openUntil }
  const limit =
    health.openUntil !== null ? 1 : Math.min(health.rampLimit ?? Infinity, settings.leasedPerEndpointMax)
  const free = limit - leasedCount
  if (free <= 0) return { count: 0, askAgainAt: undefined }
  const lead = leadOf(health, settings, at)
  const intervalMs = 1000 / settings.ratePerEndpoint
  const paced = Math.floor(settings.leasedPerEndpointMax - lead / intervalMs + 1e-9)
  if (paced < 1) {
    return { count: 0, askAgainAt: Math.ceil(at + lead - (settings.leasedPerEndpointMax - 1) * intervalMs) }
  }
  return { count: Math.min(free, paced), askAgainAt: undefined }
}

/** `pacedUntil` after `count` rows were claimed. */
export function pacedAfter(
  health: EndpointHealth,
  count: number,
  settings: Pick<DeliverySettings, 'leasedPerEndpointMax' | 'ratePerEndpoint'>,
  at: Instant,
): Instant {
  return Math.ceil(at + leadOf(health, settings, at) + (count * 1000) / settings.ratePerEndpoint)
}

/**
 * By how much the endpoint's tries are ahead of its rate. More than one process can have written is the mark of a
 * clock that runs ahead; it must not silence the endpoint (R18).
 */
function leadOf(
  { pacedUntil }: EndpointHealth,
  {
    leasedPerEndpointMax,
    ratePerEndpoint,
  }: Pick<DeliverySettings, 'leasedPerEndpointMax' | 'ratePerEndpoint'>,
  at: Instant,
): number {
  const lead = Math.max(0, pacedUntil - at)
  const leadMax = ((leasedPerEndpointMax + 1) * 1000) / ratePerEndpoint
  return lead > leadMax + 1 ? 0 : lead
}
