/**
 * A realm: one issuer with its people, applications and keys, as the server keeps it in memory.
 *
 * Terms
 * - representation: the realm as Keycloak's JSON; what Curfew does not use is kept in it (KZ-90).
 * - settings: the members that Curfew reads, typed and with defaults.
 * - version: raised by every change; a process that sees a new version loads the realm again, within 1 s.
 *
 * Invariants
 * - A realm in memory never changes. A change makes a new one.
 */
import type { Instant } from '../ambient/clock.ts'
import type { RealmKey, SigningAlgorithm } from '../key/key.ts'
import type { Client, ProtocolMapper } from '../rp/client.ts'

export interface RealmSettings {
  readonly displayName: string | undefined
  readonly sslRequired: 'all' | 'external' | 'none'
  readonly registrationAllowed: boolean
  readonly loginWithEmailAllowed: boolean
  readonly rememberMe: boolean
  readonly bruteForceProtected: boolean
  /** Lifetimes of keycloak-dialect.md §16, all in seconds. */
  readonly ssoSessionIdleSeconds: number
  readonly ssoSessionMaxSeconds: number
  readonly ssoSessionIdleRememberMeSeconds: number
  readonly ssoSessionMaxRememberMeSeconds: number
  /** 0 = as the session. */
  readonly clientSessionIdleSeconds: number
  readonly clientSessionMaxSeconds: number
  readonly offlineSessionIdleSeconds: number
  /** undefined = no absolute limit. */
  readonly offlineSessionMaxSeconds: number | undefined
  readonly accessTokenSeconds: number
  readonly accessCodeSeconds: number
  readonly accessCodeUserActionSeconds: number
  readonly accessCodeLoginSeconds: number
  /** Confidential clients rotate refresh tokens only with this (`revokeRefreshToken`). */
  readonly revokeRefreshToken: boolean
  readonly defaultSignatureAlgorithm: SigningAlgorithm
  readonly eventsEnabled: boolean
  /** Days that events are kept; 0 = for ever. */
  readonly eventsRetentionDays: number
  /** undefined = Keycloak's default list (KE-03). */
  readonly enabledEventTypes: readonly string[] | undefined
  readonly adminEventsEnabled: boolean
  readonly internationalizationEnabled: boolean
  readonly supportedLocales: readonly string[]
  readonly defaultLocale: string | undefined
  readonly passwordPolicy: string | undefined
  /** SR-24, realm attribute `curfew.password.grant`. */
  readonly passwordGrant: 'off' | 'clients'
  /** Realm attribute `curfew.result.page`. */
  readonly resultPage: 'never' | 'on-failure' | 'always'
  /** Realm attribute `curfew.result.pause.seconds`, 0–3, default 1. */
  readonly resultPauseSeconds: number
  /** Realm attribute `curfew.first.round.wait.ms`: how long an answer waits for the first notices, 0–400, default 400 (SR-11). */
  readonly firstRoundWaitMs: number
  /** Realm attribute `curfew.leave.one.application`, default true. */
  readonly leaveOneApplication: boolean
  /** Realm-wide `logout.confirmation.enabled`, default false. */
  readonly alwaysConfirmSignOut: boolean
  /** Realm attribute `frontendUrl`, without a trailing slash; shapes the issuer (KP-41). */
  readonly frontendUrl: string | undefined
  /** PEM certificates that this realm trusts beside the system's (realm attribute `curfew.trust.pem`). */
  readonly trustPem: readonly string[]
}

export interface Role {
  readonly id: string
  readonly name: string
  readonly description: string | undefined
  /** Internal id of the client for a client role. */
  readonly clientUuid: string | undefined
  /** Ids of the roles that it contains. */
  readonly composites: readonly string[]
  readonly attributes: Readonly<Record<string, readonly string[]>>
}

export interface Group {
  readonly id: string
  readonly name: string
  readonly path: string
  readonly parentId: string | undefined
  /** Ids of the roles that its members have, beside those of its parents. */
  readonly roleIds: readonly string[]
  readonly attributes: Readonly<Record<string, readonly string[]>>
}

export interface ClientScope {
  readonly id: string
  readonly name: string
  readonly protocol: string
  readonly attributes: Readonly<Record<string, string>>
  readonly protocolMappers: readonly ProtocolMapper[]
}

export interface Realm {
  readonly id: string
  readonly name: string
  readonly enabled: boolean
  readonly cookieKey: string
  /** `{base}/realms/{name}`, or as `frontendUrl` says. */
  readonly issuer: string
  readonly settings: RealmSettings
  readonly attributes: Readonly<Record<string, string>>
  /** NumericDate; 0 is none. */
  readonly notBefore: number
  readonly version: number
  readonly createdAt: Instant
  readonly keys: readonly RealmKey[]
  /** By `client_id`, deleted ones included while their deliveries are open. */
  readonly clients: ReadonlyMap<string, Client>
  readonly clientsByUuid: ReadonlyMap<string, Client>
  readonly scopes: ReadonlyMap<string, ClientScope>
  readonly roles: ReadonlyMap<string, Role>
  readonly groups: ReadonlyMap<string, Group>
  readonly representation: Readonly<Record<string, unknown>>
}

/** Realms in memory. The same object comes back until the realm's version changes. */
export interface Realms {
  byName(name: string): Promise<Realm | undefined>
  byId(id: string): Promise<Realm | undefined>
  /** Names of all realms, sorted. */
  names(): Promise<readonly string[]>
  /** Forgets what is in memory, after a change made by this process. Other processes hear of it by the store. */
  invalidate(realmId: string): void
}
