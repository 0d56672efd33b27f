/**
 * From the outcome of one try to the delivery's next state. Pure: every row of "what each answer means"
 * (delivery.md) is a line here and a test in settle.test.ts.
 */
import type { Instant } from '../ambient/clock.ts'
import type { SendOutcome } from '../sender/sender.ts'
import type { EndpointSign, Settlement, TriedDelivery, TryHistory } from './delivery.ts'
import { type Answer, clockSkewSeconds, judgeAnswer } from './judge-answer.ts'
import { nextTryAt, proxyRetryAt, secondChanceAt } from './retry-schedule.ts'

/** So many exceptions of our own end a delivery (D17). */
export const internalCountMax = 5
/** A "no" gets one more try with a fresh token, and only one (SR-18). */
export const refusalCountMax = 2

const answerBytesMax = 2048

/**
 * @param fraction in [0, 1), for the jitter of the next delay.
 * @param at when the outcome was known.
 */
export function settle(tried: TriedDelivery, fraction: number, at: Instant): Settlement {
  const { outcome, leased } = tried
  const before = leased.tried
  if ('refused' in outcome) return settleRefusedPreparation(before, outcome)
  switch (outcome.kind) {
    case 'answered':
      return settleAnswer(tried, outcome, fraction, at)
    case 'no_answer':
      return settleSilence(before, outcome, fraction, at)
    case 'blocked':
      return settleBlocked(before, outcome.reason, outcome.detail, outcome.durationMs)
    case 'internal':
      return settleInternal(before, outcome, fraction, at)
    case 'not_sent':
      return settleNotSent(before)
  }
}

/** The verdict when time is over: had any try a connection, it may well have worked (R11). */
export function verdictWithoutAnswer(hadConnection: boolean): 'unconfirmed' | 'unreachable' {
  return hadConnection ? 'unconfirmed' : 'unreachable'
}

function settleAnswer(tried: TriedDelivery, answer: Answer, fraction: number, at: Instant): Settlement {
  const before: TryHistory = { ...tried.leased.tried, hadConnection: true }
  const meaning = judgeAnswer(tried.leased.subject.channel, answer)
  const seen = { status: answer.status, durationMs: answer.durationMs, answer: limited(answer.answer) }
  switch (meaning.kind) {
    case 'yes':
      return {
        ...unchanged(before, { ...nothingSeen, ...seen, outcome: 'accepted' }, 'accepted'),
        state: 'accepted',
        detail: meaning.detail,
      }
    case 'no':
      return settleNo(before, meaning, answer, at)
    case 'recoverable': {
      const attempt = { ...nothingSeen, ...seen, reason: meaning.reason, detail: meaning.note }
      const dueAt = nextTryAt(before.tryCount, before.horizonAt, fraction, at, answer.retryAfterSeconds)
      return tryAgain(before, { ...attempt, outcome: 'recoverable' }, 'silent', dueAt)
    }
  }
}

function settleNo(
  before: TryHistory,
  meaning: { detail: string; reason: string; isFinal: boolean },
  answer: Answer,
  at: Instant,
): Settlement {
  const refusalCount = before.refusalCount + 1
  const skew = clockSkewSeconds(answer, at)
  // R19: two refusals beside a clock that is off are explained by the clock
  const reason = skew !== undefined && refusalCount >= refusalCountMax ? 'clock.skew' : meaning.reason
  const attempt: Settlement['attempt'] = {
    ...nothingSeen,
    outcome: 'refused',
    status: answer.status,
    reason,
    detail: noteOnNo(answer, skew),
    durationMs: answer.durationMs,
    answer: limited(answer.answer),
  }
  const sign = meaning.detail === 'gone' ? 'gone' : 'answered'
  const next = { ...unchanged(before, attempt, sign), refusalCount }
  const dueAt =
    refusalCount < refusalCountMax && !meaning.isFinal ? secondChanceAt(before.horizonAt, at) : undefined
  return dueAt === undefined ? { ...next, state: 'rejected', detail: meaning.detail } : { ...next, dueAt }
}

function noteOnNo(answer: Answer, skew: number | undefined): string | null {
  if (skew !== undefined) {
    return `The application's clock is ${Math.abs(skew)} s ${skew > 0 ? 'ahead of' : 'behind'} ours, by the Date of its answer.`
  }
  return answer.locationOrigin === undefined
    ? null
    : `It redirects to ${answer.locationOrigin}; redirects are not followed.`
}

function settleSilence(
  before: TryHistory,
  outcome: Extract<SendOutcome, { kind: 'no_answer' }>,
  fraction: number,
  at: Instant,
): Settlement {
  const { reason, detail, durationMs } = outcome
  // our own stop, before anything left: the next process begins where this one did (D5, D16)
  if (reason === 'internal.stopped' && !outcome.hadConnection) return settleNotSent(before)
  if (outcome.isProxyFault) return settleProxyFault(before, outcome, fraction, at)
  const after = { ...before, hadConnection: before.hadConnection || outcome.hadConnection }
  const certificate = outcome.certificate ?? null
  const attempt = { ...nothingSeen, outcome: 'recoverable', reason, detail, durationMs, certificate } as const
  return tryAgain(after, attempt, 'silent', nextTryAt(before.tryCount, before.horizonAt, fraction, at))
}

/** An outage of the proxy is nobody's answer: it costs the delivery no try and opens no application's breaker. */
function settleProxyFault(
  before: TryHistory,
  { reason, detail, durationMs }: Extract<SendOutcome, { kind: 'no_answer' }>,
  fraction: number,
  at: Instant,
): Settlement {
  const attempt = { ...nothingSeen, outcome: 'recoverable', reason, detail, durationMs } as const
  const next = tryAgain(before, attempt, 'none', proxyRetryAt(before.horizonAt, fraction, at))
  return { ...next, tryCount: before.tryCount - 1 }
}

function settleRefusedPreparation(
  before: TryHistory,
  { kind, reason }: { kind: 'blocked' | 'no_channel'; reason: string },
): Settlement {
  if (kind === 'blocked') return settleBlocked(before, reason, null, null)
  // D13: the address was taken away; nothing brings it back but a change of the client, which replays it (D7)
  const attempt = { ...nothingSeen, outcome: 'blocked', reason } as const
  return { ...unchanged(before, attempt, 'none'), state: verdictWithoutAnswer(before.hadConnection) }
}

function settleBlocked(
  before: TryHistory,
  reason: string,
  detail: string | null,
  durationMs: number | null,
): Settlement {
  const attempt = { ...nothingSeen, outcome: 'blocked', reason, detail, durationMs } as const
  return { ...unchanged(before, attempt, 'none'), state: 'blocked' }
}

function settleInternal(
  before: TryHistory,
  { reason, detail }: { reason: string; detail: string },
  fraction: number,
  at: Instant,
): Settlement {
  const after = { ...before, internalCount: before.internalCount + 1 }
  const attempt = { ...nothingSeen, outcome: 'internal', reason, detail } as const
  const isPoison = after.internalCount >= internalCountMax
  return tryAgain(
    after,
    attempt,
    'none',
    isPoison ? undefined : nextTryAt(before.tryCount, before.horizonAt, fraction, at),
  )
}

function settleNotSent(before: TryHistory): Settlement {
  const next = unchanged(before, { ...nothingSeen, outcome: 'not_sent' }, 'none')
  return { ...next, tryCount: before.tryCount - 1 }
}

function tryAgain(
  after: TryHistory,
  attempt: Settlement['attempt'],
  sign: EndpointSign,
  dueAt: Instant | undefined,
): Settlement {
  const next = unchanged(after, attempt, sign)
  return dueAt === undefined
    ? { ...next, state: verdictWithoutAnswer(after.hadConnection) }
    : { ...next, dueAt }
}

const nothingSeen = {
  status: null,
  reason: null,
  detail: null,
  durationMs: null,
  certificate: null,
  answer: null,
}

function unchanged(
  { dueAt, tryCount, refusalCount, internalCount, hadConnection }: TryHistory,
  attempt: Settlement['attempt'],
  endpointSign: EndpointSign,
): Settlement {
  return {
    state: 'pending',
    detail: null,
    reason: attempt.reason,
    dueAt,
    tryCount,
    refusalCount,
    internalCount,
    hadConnection,
    attempt,
    endpointSign,
  }
}

/** PostgreSQL's text has no NUL, and an answer is somebody else's: a byte of it must never fail our transaction (T2). */
function limited(answer: string): string {
  const storable = Buffer.from(answer.replaceAll('\0', '\u{fffd}').toWellFormed())
  // a character that the cut goes through is left out
  return new TextDecoder().decode(storable.subarray(0, answerBytesMax), { stream: true })
}
