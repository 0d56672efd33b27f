/**
 * Delivery: the transactional outbox. One row says that one application is to be told of one sign-out over one
 * channel.
 *
 * Terms
 * - delivery, attempt, endpoint: docs/glossary.md. generation: 1 is the sign-out's own, each replay adds one.
 * - lease and fence: who may write the outcome, and until when (D4).
 *
 * Invariants
 * - I2: the rows of a sign-out are written in its own transaction, one per application and channel.
 * - I4: a delivery is `accepted` only if an accepting answer to one of its own tries was read.
 * - I5: a terminal state never changes; a replay is a new generation.
 * - I7: only the holder of the current fence writes an outcome.
 * - I15: every request that left is covered by an attempt row that was committed before it left.
 */
import type { Instant } from '../ambient/clock.ts'
import type { Channel } from '../rp/client.ts'

export const deliveryStates = [
  'pending',
  'leased',
  'accepted',
  'rejected',
  'unconfirmed',
  'unreachable',
  'blocked',
  'cancelled',
] as const
export type DeliveryState = (typeof deliveryStates)[number]

export function isTerminal(state: DeliveryState): boolean {
  return state !== 'pending' && state !== 'leased'
}

/** One person's sign-out goes before bulk ones; a fifth of the slots is kept for bulk (D10). */
export type DeliveryPriority = 'high' | 'low'

/** A delivery to be written by a sign-out. */
export interface NewDelivery {
  readonly signOutId: string
  readonly realmId: string
  readonly sessionUid: string
  readonly clientId: string
  readonly sid: string
  readonly sub: string
  readonly issuer: string
  readonly channel: Channel
  readonly address: string
  readonly priority: DeliveryPriority
  /** First try; not earlier than 1 s after the response that opened the client session (SR-19). */
  readonly dueAt: Instant
  /** 72 h, or the client session's own maximum life if that is shorter (D12). */
  readonly horizonAt: Instant
  /** Set for a channel that has no sender of the server's: the browser carries it, and nothing confirms it. */
  readonly initialState?: 'pending' | 'unconfirmed'
}

/** The endpoint that a delivery goes to: isolation and health are kept per realm, client and channel. */
export function endpointIdOf(realmId: string, clientId: string, channel: Channel): string {
  return `${realmId}/${channel}/${clientId}`
}
