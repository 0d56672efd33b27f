/**
 * The six words that people read, from the eight states that rows have (experience.md §3.2). Pure, and the only
 * mapping: the result page, the account page, the console, the command line and the events all use it.
 */
import type { Instant } from '../ambient/clock.ts'
import { knownState } from './delivery.ts'
import type { ApplicationView, DeliveryView, SignOutView } from './read-sign-out.ts'

export const displayWords = [
  'signed_out',
  'ended_by_itself',
  'signing_out',
  'not_yet',
  'could_not',
  'not_supported',
] as const
export type DisplayWord = (typeof displayWords)[number]

/** Which plain sentence explains the word; the page has its text in every language. */
export type DisplaySentence =
  | 'told'
  | 'had_no_session'
  | 'asked_for_it'
  | 'in_progress'
  | 'did_not_answer'
  | 'address_paused'
  | 'did_not_accept'
  | 'not_allowed'
  | 'no_clear_answer'
  | 'asked_in_browser'
  | 'not_asked_in_browser'
  | 'only_received'
  | 'only_in_part'
  | 'could_not_be_reached'
  | 'signed_in_again'
  | 'stopped_by_administrator'
  | 'session_over'
  | 'no_channel'

export interface DisplayState {
  readonly word: DisplayWord
  readonly sentence: DisplaySentence
  /** From the commit of the sign-out to the accepting answer. */
  readonly tookMs?: number
  /** Next try of a `not_yet`. */
  readonly nextAt?: Instant
  /** `not_supported`: when the session there ends by itself. `could_not`: that it has ended meanwhile. */
  readonly endsAt?: Instant
}

/** Why a delivery was cancelled; the `detail` of a `cancelled` row (D12). */
export const cancelDetails = ['session_gone', 'signed_in_again', 'operator'] as const
export type CancelDetail = (typeof cancelDetails)[number]

/**
 * The word of one application within its sign-out. The one that began it ended its own session first (RIL-27);
 * that counts only where nothing better can be known, because no channel confirms it (docs/decisions/0010).
 */
export function displayApplication(
  signOut: Pick<SignOutView, 'cause' | 'actor'>,
  application: Pick<ApplicationView, 'clientId' | 'isOwed' | 'deliveries' | 'expiresAt'>,
  at: Instant,
): DisplayState {
  const askedForIt = signOut.cause === 'rp_initiated' && signOut.actor.clientId === application.clientId
  return displayState(application, at, askedForIt)
}

/**
 * The word of one application: the best of its deliveries (SR-15).
 * @param askedForIt true for the application that began the sign-out: it ended its own session before it asked.
 */
export function displayState(
  application: Pick<ApplicationView, 'isOwed' | 'deliveries' | 'expiresAt'>,
  at: Instant,
  askedForIt = false,
): DisplayState {
  if (application.isOwed) return { word: 'signing_out', sentence: 'in_progress' }
  const states = application.deliveries.map((delivery) => stateOfDelivery(delivery, at))
  const best = states.toSorted((a, b) => rankOf(a) - rankOf(b))[0]
  const hasEnded = application.expiresAt !== undefined && application.expiresAt <= at
  if (!best) {
    if (askedForIt) return { word: 'signed_out', sentence: 'asked_for_it' }
    if (hasEnded) return { word: 'ended_by_itself', sentence: 'session_over', endsAt: application.expiresAt }
    return {
      word: 'not_supported',
      sentence: 'no_channel',
      ...(application.expiresAt === undefined ? {} : { endsAt: application.expiresAt }),
    }
  }
  return best.word === 'could_not' && hasEnded ? { ...best, endsAt: application.expiresAt } : best
}

function stateOfDelivery(delivery: DeliveryView, at: Instant): DisplayState {
  const state = knownState(delivery.state)
  if (state === undefined) return stateOfNewerVersion(delivery)
  switch (state) {
    case 'accepted':
      return acceptedState(delivery)
    case 'leased':
      return { word: 'signing_out', sentence: 'in_progress' }
    case 'pending':
      return pendingState(delivery, at)
    case 'rejected':
      return { word: 'could_not', sentence: 'did_not_accept' }
    case 'blocked':
      return { word: 'could_not', sentence: 'not_allowed' }
    case 'unconfirmed':
      return {
        word: 'could_not',
        sentence: delivery.channel === 'oidc-front-channel' ? 'asked_in_browser' : 'no_clear_answer',
      }
    case 'unreachable':
      return {
        word: 'could_not',
        // the browser never had its notice: there were more of them than it is asked to carry
        sentence: delivery.channel === 'oidc-front-channel' ? 'not_asked_in_browser' : 'could_not_be_reached',
      }
    case 'cancelled':
      return cancelledState(delivery)
  }
}

/** R25: while two versions work side by side. What cannot be read is never taken for a yes (I9). */
function stateOfNewerVersion({ settledAt }: Pick<DeliveryView, 'settledAt'>): DisplayState {
  return settledAt === undefined
    ? { word: 'signing_out', sentence: 'in_progress' }
    : { word: 'could_not', sentence: 'no_clear_answer' }
}

/** `stored` and `partial` are not what the person asked for: they never count as signed out (I9). */
function acceptedState(delivery: DeliveryView): DisplayState {
  const tookMs = (delivery.settledAt ?? delivery.createdAt) - delivery.createdAt
  switch (delivery.detail) {
    case 'stored':
      return { word: 'could_not', sentence: 'only_received' }
    case 'partial':
      return { word: 'could_not', sentence: 'only_in_part' }
    case 'no_session':
      return { word: 'signed_out', sentence: 'had_no_session', tookMs }
    case 'non_conformant':
    case undefined:
      return { word: 'signed_out', sentence: 'told', tookMs }
  }
  return stateOfNewerVersion(delivery)
}

function pendingState({ tryCount, dueAt, pausedUntil, attempts }: DeliveryView, at: Instant): DisplayState {
  const isPaused = pausedUntil !== undefined && pausedUntil > at
  const nextAt = isPaused ? Math.max(pausedUntil, dueAt) : dueAt
  // it did answer, and its second chance is still to come
  if (attempts.at(-1)?.outcome === 'refused') return { word: 'not_yet', sentence: 'did_not_accept', nextAt }
  if (tryCount > 0) return { word: 'not_yet', sentence: 'did_not_answer', nextAt }
  if (isPaused) return { word: 'not_yet', sentence: 'address_paused', nextAt }
  return { word: 'signing_out', sentence: 'in_progress' }
}

function cancelledState({ detail, settledAt }: DeliveryView): DisplayState {
  switch (detail as CancelDetail | undefined) {
    case 'session_gone':
      return {
        word: 'ended_by_itself',
        sentence: 'session_over',
        ...(settledAt === undefined ? {} : { endsAt: settledAt }),
      }
    case 'signed_in_again':
      return { word: 'could_not', sentence: 'signed_in_again' }
    case 'operator':
    case undefined:
      return { word: 'could_not', sentence: 'stopped_by_administrator' }
  }
  return stateOfNewerVersion({ settledAt })
}

/** Done before open before given up; among the last, an acceptance of some kind before none. */
function rankOf({ word, sentence }: DisplayState): number {
  const nearly = sentence === 'only_received' || sentence === 'only_in_part'
  return displayWords.indexOf(word) - (nearly ? 0.5 : 0)
}

export interface DisplaySummary {
  readonly total: number
  /** "Signed out" and "Ended by itself": nothing else is green. */
  readonly done: number
  /** Still going on. */
  readonly pending: number
  readonly failed: number
  readonly unsupported: number
}

export function summarize(states: readonly Pick<DisplayState, 'word'>[]): DisplaySummary {
  const count = (...words: readonly DisplayWord[]): number =>
    states.filter(({ word }) => words.includes(word)).length
  return {
    total: states.length,
    done: count('signed_out', 'ended_by_itself'),
    pending: count('signing_out', 'not_yet'),
    failed: count('could_not'),
    unsupported: count('not_supported'),
  }
}
