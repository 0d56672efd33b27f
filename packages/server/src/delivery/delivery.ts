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
import type { DeliverySubject, PreparedMessage, PrepareRefusal, SendOutcome } from '../sender/sender.ts'

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

/** The state as this version knows it; undefined for one that a newer version has written (R25). */
export function knownState(state: string): DeliveryState | undefined {
  return deliveryStates.find((known) => known === state)
}

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
  /**
   * Set for a channel that has no sender of the server's: the browser carries it and nothing confirms it, or the
   * browser is not asked because it has enough to carry.
   */
  readonly initialState?: 'pending' | 'unconfirmed' | 'unreachable'
}

/** How much at once, how fast and for how long. Every bound is a figure of delivery.md, "schedule and limits". */
export interface DeliverySettings {
  /** Tries in flight in this process, default 256, 8–4096. Each class may use four fifths of them (D10). */
  readonly slotCount: number
  /** Leased rows of one endpoint over all processes, default 2, 1–16 (D3). */
  readonly leasedPerEndpointMax: number
  /** Tries at one endpoint in a second, default 50, 1–1000 (D9). */
  readonly ratePerEndpoint: number
  /** Default 30 s: longer than the limit of one try (10 s) and its preparation (D4). Shorter only in tests. */
  readonly leaseMs: number
  /** How often the database is asked without a wake-up, default 1 s: carries lost wake-ups (F-27). */
  readonly pollIntervalMs: number
}

export const defaultDeliverySettings: DeliverySettings = {
  slotCount: 256,
  leasedPerEndpointMax: 2,
  ratePerEndpoint: 50,
  leaseMs: 30_000,
  pollIntervalMs: 1000,
}

/** Step 1, claimed: this worker alone may try it, until the lease ends, and may write the outcome under its fence. */
export interface LeasedDelivery {
  readonly subject: DeliverySubject
  readonly priority: DeliveryPriority
  readonly generation: number
  /** Raised by every claim; also the number of the attempt row that this claim inserted. */
  readonly fence: number
  readonly tried: TryHistory
  readonly leasedAt: Instant
}

/** What the tries so far were, the present one included in `tryCount` alone. */
export interface TryHistory {
  readonly tryCount: number
  /** Tries that ended in a "no". */
  readonly refusalCount: number
  readonly internalCount: number
  /** Whether a try could have reached the application. */
  readonly hadConnection: boolean
  readonly dueAt: Instant
  readonly horizonAt: Instant
  readonly createdAt: Instant
}

/** Step 2, prepared: a message signed now for the address of now. */
export interface PreparedDelivery {
  readonly leased: LeasedDelivery
  readonly message: PreparedMessage
}

/** Step 3, tried: the request left, or it is known why it could not. */
export interface TriedDelivery {
  readonly leased: LeasedDelivery
  readonly outcome: TryOutcome
  readonly address: string
  readonly evidence: PreparedMessage['evidence'] | undefined
}

/** What became of a try. */
export type TryOutcome =
  | SendOutcome
  | PrepareRefusal
  /** An exception of our own before the request left (D17). */
  | { readonly kind: 'internal'; readonly reason: string; readonly detail: string }
  /** The lease was given back before anything was sent; not a try (D5). */
  | { readonly kind: 'not_sent' }

/** Step 4, settled: what the try means. */
export interface SettledDelivery {
  readonly tried: TriedDelivery
  readonly settlement: Settlement
  readonly settledAt: Instant
}

/** The outcome of one try as it is stored: the delivery's next state, and the attempt's evidence. */
export interface Settlement {
  readonly state: Exclude<DeliveryState, 'leased' | 'cancelled'>
  /** Qualifies a terminal state: `non_conformant`, `stored`, `gone`, `redirect`, or the HTTP status of a "no". */
  readonly detail: string | null
  /** A code of experience.md §6.4. */
  readonly reason: string | null
  /** Next try; unchanged when there is none. */
  readonly dueAt: Instant
  readonly tryCount: number
  readonly refusalCount: number
  readonly internalCount: number
  readonly hadConnection: boolean
  readonly attempt: {
    readonly outcome: AttemptOutcome
    readonly status: number | null
    readonly reason: string | null
    /** The sentence of the library, or a note on what the answer can mean. */
    readonly detail: string | null
    readonly durationMs: number | null
    readonly certificate: string | null
    /** At most 2 KB. */
    readonly answer: string | null
  }
  /** What the try says about the endpoint. */
  readonly endpointSign: EndpointSign
}

export const attemptOutcomes = [
  'accepted',
  'refused',
  'recoverable',
  'blocked',
  'not_sent',
  'internal',
] as const
export type AttemptOutcome = (typeof attemptOutcomes)[number]

/** `answered`: alive, though it said no. `silent`: a failure that may recover. `none`: nothing learned. */
export type EndpointSign = 'accepted' | 'answered' | 'gone' | 'silent' | 'none'

/** The endpoint that a delivery goes to: isolation and health are kept per realm, client and channel. */
export function endpointIdOf(realmId: string, clientId: string, channel: Channel): string {
  return `${realmId}/${channel}/${clientId}`
}
