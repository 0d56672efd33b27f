/**
 * Turns an exchange into the outcome of one try: what was seen, without judging it.
 */
import type { Clock, Instant } from '../../ambient/clock.ts'
import type { SendOutcome } from '../sender.ts'
import { classifyExchangeError } from './classify-exchange.ts'
import type { Exchanged } from './exchange.ts'
import type { OutboundFailure } from './outbound-failure.ts'

type Headers = Readonly<Record<string, string | string[] | undefined>>

/** A longer `Retry-After` is cut to a day; `settle` applies its own, shorter limit. */
const retryAfterSecondsMax = 86_400

export function outcomeOf(
  deps: { clock: Clock },
  url: string,
  exchanged: Exchanged,
  startedAt: Instant,
): SendOutcome {
  const at = deps.clock.now()
  const durationMs = Math.max(0, at - startedAt)
  if (exchanged.kind === 'failed')
    return outcomeOfFailure(classifyExchangeError(exchanged.error), exchanged.wasSent, durationMs)
  const { status, headers, body } = exchanged
  const answerDate = httpDate(first(headers, 'date'))
  const retryAfterSeconds = retryAfter(first(headers, 'retry-after'), answerDate ?? at)
  const location = status >= 300 && status < 400 ? originOf(first(headers, 'location'), url) : undefined
  return {
    kind: 'answered',
    status,
    ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
    ...(location === undefined ? {} : { locationOrigin: location }),
    ...(answerDate === undefined ? {} : { answerDate }),
    answer: body.toString('utf8'),
    durationMs,
  }
}

/** `wasSent` is whether the request, or a part of it, may have reached the application. */
export function outcomeOfFailure(
  failure: OutboundFailure,
  wasSent: boolean,
  durationMs: number,
): SendOutcome {
  const { reason, message: detail, certificate } = failure
  if (failure.kind === 'blocked') return { kind: 'blocked', reason, detail, durationMs }
  return {
    kind: 'no_answer',
    reason,
    detail,
    // A server that refuses our certificate has read nothing of the request (RFC 8446 §4.4.2.4).
    hadConnection: wasSent && reason !== 'tls.client_cert_required' && reason !== 'tls.client_cert_refused',
    ...(failure.kind === 'proxy' ? { isProxyFault: true as const } : {}),
    ...(certificate === undefined ? {} : { certificate }),
    durationMs,
  }
}

/** Seconds of a `Retry-After` in either form (RFC 9110 §10.2.3); junk, negative values and the past give nothing. */
export function retryAfter(value: string | undefined, at: Instant): number | undefined {
  if (value === undefined) return undefined
  const text = value.trim()
  if (/^\d{1,15}$/.test(text)) return Math.min(Number(text), retryAfterSecondsMax)
  const date = httpDate(text)
  if (date === undefined || date <= at) return undefined
  return Math.min(Math.ceil((date - at) / 1000), retryAfterSecondsMax)
}

/** The three forms of RFC 9110 §5.6.7 begin with the name of a day; `Date.parse` alone takes almost anything. */
function httpDate(value: string | undefined): Instant | undefined {
  if (value === undefined || !/^(Mon|Tue|Wed|Thu|Fri|Sat|Sun)/.test(value)) return undefined
  const at = Date.parse(value)
  return Number.isFinite(at) ? at : undefined
}

function first(headers: Headers, name: string): string | undefined {
  const value = headers[name]
  return Array.isArray(value) ? value[0] : value
}

function originOf(location: string | undefined, base: string): string | undefined {
  const url = location === undefined ? undefined : (URL.parse(location, base) ?? undefined)
  return url && url.origin !== 'null' ? url.origin : undefined
}
