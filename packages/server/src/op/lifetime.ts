/** How long things live: the realm's settings, the client's own values, and never longer than the session (§16). */
import type { Instant } from '../ambient/clock.ts'
import type { Realm, RealmSettings } from '../realm/realm.ts'
import type { Client } from '../rp/client.ts'
import { countOf } from '../rp/representation.ts'
import type { UnitOfWork } from './unit-of-work/unit-of-work.ts'

/** KW-01 to KW-03. */
export function sessionLifetime(
  settings: RealmSettings,
  rememberMe: boolean,
): { readonly idleSeconds: number; readonly maxSeconds: number } {
  return rememberMe
    ? {
        idleSeconds: settings.ssoSessionIdleRememberMeSeconds,
        maxSeconds: settings.ssoSessionMaxRememberMeSeconds,
      }
    : { idleSeconds: settings.ssoSessionIdleSeconds, maxSeconds: settings.ssoSessionMaxSeconds }
}

/** When the session ends if nobody uses it after `at`. */
export function idleUntil(
  settings: RealmSettings,
  session: { readonly rememberMe: boolean; readonly endsAt: Instant },
  at: Instant,
): Instant {
  return Math.min(session.endsAt, at + sessionLifetime(settings, session.rememberMe).idleSeconds * 1000)
}

/** KW-04, KW-20: the client's own value wins over the realm's, the session's end over both; 0 is "as the session". */
export function clientSessionExpiresAt(
  realm: Realm,
  client: Client,
  of: { readonly sessionEndsAt: Instant; readonly startedAt: Instant },
  at: Instant,
): Instant {
  const { settings } = realm
  const idleSeconds = clientSessionIdleSeconds(realm, client)
  const maxSeconds =
    countOf(client.attributes, 'client.session.max.lifespan', 0) || settings.clientSessionMaxSeconds
  return Math.min(
    of.sessionEndsAt,
    idleSeconds > 0 ? at + idleSeconds * 1000 : Number.POSITIVE_INFINITY,
    maxSeconds > 0 ? of.startedAt + maxSeconds * 1000 : Number.POSITIVE_INFINITY,
  )
}

export function clientSessionIdleSeconds({ settings }: Realm, client: Client): number {
  return countOf(client.attributes, 'client.session.idle.timeout', 0) || settings.clientSessionIdleSeconds
}

/** KW-08, cut at the end of the session from which the token comes. At least 1. */
export function accessTokenSeconds(
  realm: Realm,
  client: Client | undefined,
  sessionEndsAt: Instant | undefined,
  at: Instant,
): number {
  const own = client ? countOf(client.attributes, 'access.token.lifespan', 0) : 0
  return capped(own || realm.settings.accessTokenSeconds, sessionEndsAt, at)
}

/** The row of a refresh token lives as long as its session may; the idle time is the session's own (KW-25). */
export function refreshTokenSeconds(
  { settings }: Realm,
  of: { readonly isOffline: boolean; readonly sessionEndsAt: Instant | undefined },
  at: Instant,
): number {
  return of.isOffline
    ? settings.offlineSessionIdleSeconds
    : capped(settings.ssoSessionMaxSeconds, of.sessionEndsAt, at)
}

/** What the application is told: until then it may refresh if it does nothing meanwhile. undefined = no end. */
export function refreshTokenExpiresAt(
  { settings }: Realm,
  of: {
    readonly isOffline: boolean
    readonly session: { readonly rememberMe: boolean; readonly endsAt: Instant } | undefined
  },
  at: Instant,
): Instant {
  if (of.isOffline || !of.session) return at + settings.offlineSessionIdleSeconds * 1000
  return idleUntil(settings, of.session, at)
}

function capped(seconds: number, endsAt: Instant | undefined, at: Instant): number {
  if (endsAt === undefined) return seconds
  return Math.max(1, Math.min(seconds, Math.floor((endsAt - at) / 1000)))
}

/** Times of the session that a token belongs to: as read, or as this request is about to begin it. */
export function sessionOf(
  work: UnitOfWork,
  sessionUid: string | undefined,
): { readonly rememberMe: boolean; readonly endsAt: Instant } | undefined {
  if (sessionUid === undefined) return undefined
  const loaded = work.loaded.get(sessionUid)
  if (loaded) return loaded.session
  if (work.savedSession?.payload.uid !== sessionUid) return undefined
  const rememberMe = work.savedSession.payload['transient'] !== true
  const { maxSeconds } = sessionLifetime(work.realm.settings, rememberMe)
  return { rememberMe, endsAt: work.startedAt + maxSeconds * 1000 }
}
