/**
 * The port through which an application is told. `delivery/` knows this file and nothing else of `sender/`;
 * `compose` hands it one sender per channel.
 *
 * Invariants
 * - `prepare` reads the client now and signs now (D6): a fresh `jti`, the key that is published now.
 * - `send` never follows a redirect, never exceeds its time, and reports what it saw, not what it hopes.
 */
import type { Instant } from '../ambient/clock.ts'
import type { Channel } from '../rp/client.ts'

/** What a delivery says about itself; the same at every try. */
export interface DeliverySubject {
  readonly deliveryId: string
  readonly signOutId: string
  readonly realmId: string
  readonly clientId: string
  readonly sessionUid: string
  readonly sid: string
  readonly sub: string
  readonly issuer: string
  readonly channel: Channel
  readonly endpointId: string
  /** The address at the time of the sign-out. */
  readonly address: string
}

/** Which token by which key, and its SHA-256 in base64url; never the token (D19). */
export interface Evidence {
  readonly jti: string
  readonly kid: string
  readonly tokenHash: string
}

/** A message ready to leave. `evidence` is of what has left once `send` has resolved (D19: never the token). */
export interface PreparedMessage {
  readonly address: string
  readonly evidence: Evidence
  send(signal: AbortSignal): Promise<SendOutcome>
}

/** Why no message could be made. `reason` is a code of experience.md §6.4. */
export interface PrepareRefusal {
  readonly refused: true
  /** `blocked`: our policy forbids the address. `no_channel`: the application has no address any more. */
  readonly kind: 'blocked' | 'no_channel'
  readonly reason: string
  readonly address: string
}

/** What one try saw. The meaning of a status is judged by `delivery/settle.ts`, not here. */
export type SendOutcome =
  | {
      readonly kind: 'answered'
      readonly status: number
      /** Seconds of `Retry-After`, if the answer had a usable one. */
      readonly retryAfterSeconds?: number
      /** Origin of `Location`, for 3xx. */
      readonly locationOrigin?: string
      /** The answer's `Date` as an instant, for the clock hint. */
      readonly answerDate?: Instant
      /** First 2 KB of the body. */
      readonly answer: string
      readonly durationMs: number
    }
  | {
      readonly kind: 'no_answer'
      /** `dns.*`, `net.*`, `tls.*`, `http.timeout`, … of experience.md §6.4. */
      readonly reason: string
      /** The sentence of the library, last in every explanation. */
      readonly detail: string
      /** True when the request, or a part of it, may have reached the application. */
      readonly hadConnection: boolean
      /** JSON of `CertificateSummary`: the chain that the server presented, for TLS failures. */
      readonly certificate?: string
      /** The egress proxy could not be used: not the application's fault, and not one of its tries. */
      readonly isProxyFault?: true
      readonly durationMs: number
    }
  | {
      readonly kind: 'blocked'
      readonly reason: string
      readonly detail: string
      readonly durationMs: number
    }

export interface Sender {
  readonly channel: Channel
  prepare(subject: DeliverySubject, at: Instant): Promise<PreparedMessage | PrepareRefusal>
}
