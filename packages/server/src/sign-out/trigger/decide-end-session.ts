/**
 * What an end-session request may do. Pure: facts in, one decision out; every row of the rules has a test.
 *
 * - A redirect that cannot be trusted is an error page, and changes nothing (RIL-20, RIL-23, RIL-25).
 * - The question is skipped only for a verified hint of the browser's own session, or, without a browser's
 *   session, for an unexpired hint of a live one (SR-20).
 * - Nobody to sign out is a success (RIL-24).
 *
 * @see OpenID Connect RP-Initiated Logout 1.0 §2, §3, §4; keycloak-dialect.md §2
 */
import { type RedirectMatch, withoutFragment } from '../../rp/redirect-uri.ts'
import type { HintFault } from './verify-id-token-hint.ts'

export interface EndSessionFacts {
  readonly hint:
    | { readonly kind: 'none' }
    | { readonly kind: 'bad'; readonly fault: HintFault }
    | {
        readonly kind: 'good'
        readonly clientId: string
        readonly isExpired: boolean
        /** The session that its `sid` names; undefined when nothing is kept of it. */
        readonly session: { readonly uid: string; readonly isAlive: boolean } | undefined
      }
  /** The `client_id` of the request. */
  readonly clientId: string | undefined
  /** The client that the request is about, by `client_id`, else by the hint; deleted and unknown ones are not known. */
  readonly isClientKnown: boolean
  /** `logout.confirmation.enabled` of the realm or of that client (KL-34). */
  readonly isAlwaysAsked: boolean
  /** The live session that the browser's cookie names. */
  readonly browserSessionUid: string | undefined
  readonly redirect:
    | { readonly kind: 'none' }
    /** `post_logout_redirect_uri`, judged against the known client. */
    | { readonly kind: 'modern'; readonly uri: string; readonly match: RedirectMatch | undefined }
    /** `redirect_uri` of Keycloak before 18, judged against the clients that KL-52 and KL-53 name. */
    | {
        readonly kind: 'legacy'
        readonly uri: string
        readonly match: { readonly clientId: string; readonly how: RedirectMatch } | undefined
      }
}

/** Where the person may go afterwards. `isFollowed` false: a link on our page, never a redirect. */
export interface ReturnTo {
  readonly uri: string
  readonly isFollowed: boolean
  readonly clientId: string
}

export type EndSessionRefusal =
  | 'client_missing'
  | 'hint_bad'
  | 'client_mismatch'
  | 'client_unknown'
  | 'redirect_not_registered'

export type EndSessionDecision =
  | { readonly kind: 'sign_out_now'; readonly sessionUid: string; readonly returnTo: ReturnTo | undefined }
  | {
      readonly kind: 'confirm'
      readonly sessionUid: string
      readonly returnTo: ReturnTo | undefined
      /** The hint names a session that is not this browser's (KL-32). */
      readonly isForSomebodyElse: boolean
      /** Asked of a browser without a session: nothing is told about the session (SR-20, expired hint). */
      readonly isWithoutCookie: boolean
    }
  | {
      readonly kind: 'already_signed_out'
      readonly returnTo: ReturnTo | undefined
      /** KL-40: the hint's session is gone; LOGOUT_ERROR `session_expired`. */
      readonly isHintOfEndedSession: boolean
    }
  | { readonly kind: 'refuse'; readonly refusal: EndSessionRefusal }

export function decideEndSession(facts: EndSessionFacts): EndSessionDecision {
  const refusal = judgeRequest(facts)
  if (refusal) return { kind: 'refuse', refusal }
  const returnTo = returnToOf(facts)
  const { hint, browserSessionUid } = facts
  if (browserSessionUid !== undefined) return decideWithCookie(facts, browserSessionUid, returnTo)
  if (hint.kind !== 'good' || !facts.isClientKnown) {
    return { kind: 'already_signed_out', returnTo, isHintOfEndedSession: false }
  }
  // KL-40, RIL-06, RIL-24: never a reason to end another session
  if (!hint.session?.isAlive) return { kind: 'already_signed_out', returnTo, isHintOfEndedSession: true }
  const sessionUid = hint.session.uid
  // SR-20, KL-43: an application's back end with a current hint; an old one is an identifier only
  if (!hint.isExpired && !facts.isAlwaysAsked) return { kind: 'sign_out_now', sessionUid, returnTo }
  return { kind: 'confirm', sessionUid, returnTo, isForSomebodyElse: false, isWithoutCookie: true }
}

/** KL-10 to KL-14, in Keycloak's order. */
function judgeRequest({
  hint,
  clientId,
  isClientKnown,
  redirect,
}: EndSessionFacts): EndSessionRefusal | undefined {
  const isModern = redirect.kind === 'modern'
  if (isModern && hint.kind === 'none' && clientId === undefined) return 'client_missing'
  if (hint.kind === 'bad') return 'hint_bad'
  if (hint.kind === 'good' && clientId !== undefined && clientId !== hint.clientId) return 'client_mismatch'
  if (isModern && !isClientKnown) return 'client_unknown'
  return redirect.kind !== 'none' && !redirect.match ? 'redirect_not_registered' : undefined
}

/**
 * SR-20 with a session in the browser. The hint's expiry does not matter here: the cookie says who is asking, the
 * hint only that this application may ask for it.
 */
function decideWithCookie(
  facts: EndSessionFacts,
  sessionUid: string,
  returnTo: ReturnTo | undefined,
): EndSessionDecision {
  const { hint } = facts
  const isOwnHint = hint.kind === 'good' && hint.session?.uid === sessionUid
  // KL-51: a request of the old form proves nothing
  const isProven = isOwnHint && facts.isClientKnown && facts.redirect.kind !== 'legacy'
  if (isProven && !facts.isAlwaysAsked) return { kind: 'sign_out_now', sessionUid, returnTo }
  const isForSomebodyElse = hint.kind === 'good' && !isOwnHint
  return { kind: 'confirm', sessionUid, returnTo, isForSomebodyElse, isWithoutCookie: false }
}

function returnToOf({ redirect, hint, clientId, browserSessionUid }: EndSessionFacts): ReturnTo | undefined {
  if (redirect.kind === 'none' || !redirect.match) return undefined
  if (redirect.kind === 'legacy') {
    const { clientId: of, how } = redirect.match
    // KL-53: without a session nobody asked for a sign-out, so it would be an open redirector
    return { uri: addressOf(redirect.uri, how), isFollowed: browserSessionUid !== undefined, clientId: of }
  }
  const of = clientId ?? (hint.kind === 'good' ? hint.clientId : '')
  const uri = addressOf(redirect.uri, redirect.match)
  // SR-22: a wildcard is followed only when a verified hint came with it
  return { uri, isFollowed: redirect.match === 'exact' || hint.kind === 'good', clientId: of }
}

/** KL-22: nobody registered the fragment that came with a wildcard match, and applications route by it. */
function addressOf(uri: string, how: RedirectMatch): string {
  return how === 'exact' ? uri : withoutFragment(uri)
}
