/**
 * What happened, in Keycloak's vocabulary (keycloak-dialect.md §18), with the sentence that explains it.
 *
 * Invariants
 * - An event is written in the transaction of the change that it tells of, so it is never ahead of it.
 * - Every `…_ERROR` has `error` (Keycloak's word) and `explanation` (one sentence: cause and remedy).
 * - Never in an event: a token, a code, a cookie, a whole `sid`.
 */
import type { Instant } from '../ambient/clock.ts'

export type EventType =
  | 'LOGIN'
  | 'REGISTER'
  | 'LOGOUT'
  | 'CODE_TO_TOKEN'
  | 'CLIENT_LOGIN'
  | 'REFRESH_TOKEN'
  | 'INTROSPECT_TOKEN'
  | 'USER_INFO_REQUEST'
  | 'REVOKE_GRANT'
  | 'UPDATE_PASSWORD'
  | 'UPDATE_CREDENTIAL'
  | 'REMOVE_CREDENTIAL'
  | 'USER_SESSION_DELETED'
  | 'USER_DISABLED_BY_TEMPORARY_LOCKOUT'
  | 'PUSHED_AUTHORIZATION_REQUEST'
  | 'OAUTH2_DEVICE_AUTH'
  | 'OAUTH2_DEVICE_CODE_TO_TOKEN'
  | 'DELETE_ACCOUNT'
  | 'REGISTER_NODE'
  | 'UNREGISTER_NODE'
  | 'LOGOUT_DELIVERY'

export interface UserEvent {
  readonly type: EventType | `${EventType}_ERROR`
  readonly realmId: string
  readonly realmName: string
  readonly clientId: string | undefined
  readonly accountId: string | undefined
  readonly sessionUid: string | undefined
  readonly ipAddress: string | undefined
  /** Keycloak's error word, for `…_ERROR` alone. */
  readonly error?: string
  /** In the order in which the log line shows them. */
  readonly details: Readonly<Record<string, string>>
  /** One sentence: what was wrong, in which value, what usually causes it, what to do. Shown last. */
  readonly explanation?: string
}

/** An event with its id and time, as stored. */
export interface RecordedEvent extends UserEvent {
  readonly id: string
  readonly at: Instant
}
