/**
 * What happened, in Keycloak's vocabulary (keycloak-dialect.md §18), with the sentence that explains it.
 *
 * Front door: `recordEvent` inside the transaction of the change, `recordEventAlone` for an error that changes
 * nothing, `recordAdminEvent` for what an administrator did, `readEvents` and `readAdminEvents` for queries.
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
  /** How the person was known, of a sign-in; for metrics alone, and kept nowhere. */
  readonly signInMethod?: 'password' | 'session'
  /** One sentence: what was wrong, in which value, what usually causes it, what to do. Shown last. */
  readonly explanation?: string
}

/** What recording needs to know of the realm; a `Realm` fits. */
export interface EventRealm {
  readonly id: string
  readonly name: string
  readonly settings: {
    readonly eventsEnabled: boolean
    /** undefined = `savedByDefault`. */
    readonly enabledEventTypes: readonly string[] | undefined
  }
}

/** An event to be recorded: the realm itself in place of its id and name, because its settings decide what is saved. */
export type NewEvent = Omit<UserEvent, 'realmId' | 'realmName'> & { readonly realm: EventRealm }

/** An event with its id and time, as stored. */
export interface RecordedEvent extends UserEvent {
  readonly id: string
  readonly at: Instant
}

/**
 * Types that Keycloak does not save unless the realm lists them (KE-03), and our LOGOUT_DELIVERY, whose record
 * is the delivery and its attempts (KE-06). An error of the other types is saved although Keycloak drops it: its
 * sentence is what answers "why was I signed out".
 */
const notSavedByDefault: ReadonlySet<string> = new Set([
  'REFRESH_TOKEN',
  'VALIDATE_ACCESS_TOKEN',
  'INTROSPECT_TOKEN',
  'INVALID_SIGNATURE',
  'REGISTER_NODE',
  'UNREGISTER_NODE',
  'USER_INFO_REQUEST',
  'IDENTITY_PROVIDER_LOGIN',
  'IDENTITY_PROVIDER_RESPONSE',
  'IDENTITY_PROVIDER_RETRIEVE_TOKEN',
  'CLIENT_INFO',
  'PUSHED_AUTHORIZATION_REQUEST',
  'USER_SESSION_DELETED',
  'LOGOUT_DELIVERY',
  'LOGOUT_DELIVERY_ERROR',
])

/** Whether the realm keeps events of this type in the database. The log line is written in any case. */
export function isSaved({ settings }: EventRealm, type: UserEvent['type']): boolean {
  if (!settings.eventsEnabled) return false
  return settings.enabledEventTypes ? settings.enabledEventTypes.includes(type) : !notSavedByDefault.has(type)
}

export function isErrorEvent({ type }: Pick<UserEvent, 'type'>): boolean {
  return type.endsWith('_ERROR')
}
