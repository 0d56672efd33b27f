/**
 * The question before a sign-out, kept while a person reads it (RIL-28, KL-36 to KL-39): which session it is
 * about, and where to go afterwards. It is bound to that session, is asked again when it was answered too late,
 * and a second click finds the sign-out of the first.
 */
import type { Instant } from '../../ambient/clock.ts'
import type { Random } from '../../ambient/random.ts'
import type { Realm } from '../../realm/realm.ts'
import type { Queryable, Store, Tx } from '../../store/store.ts'
import type { ReturnTo } from './decide-end-session.ts'
import { findHandle, insertHandle, useHandle } from './one-time-handle.ts'

export interface EndSessionQuestion {
  readonly sessionUid: string
  /** The application that asks, by `client_id` or hint. */
  readonly clientId?: string | undefined
  readonly returnTo?: ReturnTo | undefined
  readonly state?: string | undefined
  readonly uiLocales?: string | undefined
  readonly isForSomebodyElse: boolean
  /** Asked of a browser that has no session (SR-20): the answer needs none either. */
  readonly isWithoutCookie: boolean
  readonly askedAt: Instant
}

interface Kept extends EndSessionQuestion {
  readonly signOutId?: string
}

/** Longer than anybody reads, so that an answer that comes late can be told from one that was made up. */
const keptSeconds = 86_400
/** KL-37. */
const muchTooOldMs = 1_800_000

export function askEndSession(
  deps: { readonly random: Random; readonly store: Store },
  realm: Realm,
  question: EndSessionQuestion,
): Promise<string> {
  const handle = {
    realmId: realm.id,
    purpose: 'end_session_question',
    payload: question,
    lifetimeSeconds: keptSeconds,
  } as const
  return deps.store.transact(async (tx) => insertHandle(deps, tx, handle, question.askedAt))
}

export type ReadQuestion =
  | { readonly kind: 'open'; readonly question: EndSessionQuestion }
  /** KL-36, KL-37: asked again. */
  | { readonly kind: 'too_old' | 'much_too_old'; readonly question: EndSessionQuestion }
  /** KL-39: the second click. */
  | {
      readonly kind: 'answered'
      readonly signOutId: string | undefined
      readonly question: EndSessionQuestion
    }
  /** KL-38: unknown, or of another session than this browser's. */
  | { readonly kind: 'tampered' }

export async function readEndSessionQuestion(
  on: Queryable,
  realm: Realm,
  of: { readonly token: string; readonly browserSessionUid: string | undefined },
  at: Instant,
): Promise<ReadQuestion> {
  const handle = await findHandle<Kept>(
    on,
    { realmId: realm.id, purpose: 'end_session_question', value: of.token },
    at,
  )
  if (!handle) return { kind: 'tampered' }
  const { signOutId, ...question } = handle.payload
  if (handle.usedAt !== undefined) return { kind: 'answered', signOutId, question }
  const isOfThisBrowser = question.isWithoutCookie
    ? of.browserSessionUid === undefined
    : of.browserSessionUid === question.sessionUid
  if (!isOfThisBrowser) return { kind: 'tampered' }
  const ageMs = at - question.askedAt
  if (ageMs > muchTooOldMs) return { kind: 'much_too_old', question }
  return { kind: ageMs > realm.settings.accessCodeUserActionSeconds * 1000 ? 'too_old' : 'open', question }
}

/** Marks the question answered, in the transaction of what it led to. */
export function closeEndSessionQuestion(
  tx: Tx,
  of: {
    readonly token: string
    readonly question: EndSessionQuestion
    readonly signOutId: string | undefined
  },
  at: Instant,
): Promise<void> {
  const payload = { ...of.question, ...(of.signOutId === undefined ? {} : { signOutId: of.signOutId }) }
  return useHandle(tx, { purpose: 'end_session_question', value: of.token, payload }, at)
}
