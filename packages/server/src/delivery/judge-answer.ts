/**
 * What an answer means: the table "what each answer means" of delivery.md. Pure. `settle` turns the meaning into
 * the next state.
 */
import type { Instant } from '../ambient/clock.ts'
import type { Channel } from '../rp/client.ts'
import type { SendOutcome } from '../sender/sender.ts'

export type Answer = Extract<SendOutcome, { kind: 'answered' }>

export type Meaning =
  | { readonly kind: 'yes'; readonly detail: 'non_conformant' | 'stored' | null }
  /** One more try after 60 s; `isFinal`: not even that. */
  | { readonly kind: 'no'; readonly detail: string; readonly reason: string; readonly isFinal: boolean }
  | { readonly kind: 'recoverable'; readonly reason: string; readonly note: string | null }

/** Judges an HTTP answer by its status; the body only refines the reason of a "no". */
export function judgeAnswer(channel: Channel, answer: Answer): Meaning {
  const { status } = answer
  if (status === 200 || status === 204) return { kind: 'yes', detail: null }
  // RFC 8935 §2.2: 202 says that the receiver has the SET, not that it acted on it
  if (status === 202 && channel === 'ssf') return { kind: 'yes', detail: 'stored' }
  if (status > 200 && status < 300) return { kind: 'yes', detail: 'non_conformant' }
  if (status >= 300 && status < 400) return no('redirect', 'http.redirect')
  if (status === 410) return { kind: 'no', detail: 'gone', reason: 'http.gone', isFinal: true }
  if (status === 408 || status === 425 || status === 429) return recoverable(status)
  if (status >= 400 && status < 500) return no(String(status), reasonOfRefusal(status, answer.answer))
  return recoverable(status)
}

function no(detail: string, reason: string): Meaning {
  return { kind: 'no', detail, reason, isFinal: false }
}

function recoverable(status: number): Meaning {
  return { kind: 'recoverable', reason: reasonOfRecoverable(status), note: draftNotes.get(status) ?? null }
}

/** Statuses that early drafts of Back-Channel Logout 1.0 used with a meaning of their own. */
const draftNotes: ReadonlyMap<number, string> = new Map([
  [
    501,
    'In early drafts of the standard 501 meant that the logout failed; some applications still answer so.',
  ],
  [
    504,
    'In early drafts of the standard 504 meant: done here, an application behind it failed. Mostly it is a gateway.',
  ],
])

function reasonOfRecoverable(status: number): string {
  if (status === 408) return 'http.timeout'
  if (status === 429) return 'http.rate_limited'
  return status >= 500 && status < 600 ? 'http.server_error' : 'http.unexpected_status'
}

const reasonByStatus: ReadonlyMap<number, string> = new Map([
  [401, 'http.unauthorized'],
  [403, 'http.forbidden'],
  [404, 'http.not_found'],
  [405, 'http.method'],
  [415, 'http.media_type'],
])

/** Words by which applications say what they did not like in the token; the first match wins. */
const reasonByWords: readonly (readonly [RegExp, string])[] = [
  [/invalid http_host|disallowedhost/i, 'http.bad_host'],
  [
    /(missing|no|required)\b.{0,24}logout_token|logout_token.{0,24}(missing|required|not found)/i,
    'http.media_type',
  ],
  [/signature|\bjwks?\b|\bkid\b|signing key|no matching key/i, 'app.rejects_signature'],
  [/\biss(uer)?\b/i, 'app.rejects_issuer'],
  [/\baud(ience)?\b/i, 'app.rejects_audience'],
  [/\btyp\b/i, 'app.rejects_typ'],
  [/\b(iat|exp|nbf)\b|expired|too old|in the future|clock/i, 'app.rejects_time'],
  [/\bjti\b|replay/i, 'app.rejects_replay'],
  [/\bsid\b|unknown session|session.{0,16}not found/i, 'app.rejects_sid'],
  [/\bsub(ject)?\b/i, 'app.rejects_sub'],
]

function reasonOfRefusal(status: number, body: string): string {
  const known = reasonByStatus.get(status)
  if (known) return known
  if (status !== 400) return 'http.unexpected_status'
  return reasonByWords.find(([words]) => words.test(body))?.[1] ?? 'app.rejects_other'
}

/** A clock that is off by more than this makes a fresh token look expired or not yet valid. */
const clockSkewMsMin = 60_000

/** By how many seconds the application's clock is ahead (negative: behind), when its `Date` shows more than a minute. */
export function clockSkewSeconds(answer: Answer, at: Instant): number | undefined {
  if (answer.status !== 400 || answer.answerDate === undefined) return undefined
  const skewMs = answer.answerDate - at
  return Math.abs(skewMs) > clockSkewMsMin ? Math.round(skewMs / 1000) : undefined
}
