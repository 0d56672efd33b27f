/** Gathers what an end-session request is decided by: the hint, the browser's session, the client, the redirect. */
import type { Instant } from '../../ambient/clock.ts'
import type { Realm } from '../../realm/realm.ts'
import type { Client } from '../../rp/client.ts'
import { matchPostLogoutUri, type RedirectMatch } from '../../rp/redirect-uri.ts'
import { findSessionByCookie } from '../../session/find-session-by-cookie.ts'
import { findSessionBySid } from '../../session/find-session-by-sid.ts'
import { readClientSessions } from '../../session/read-client-sessions.ts'
import { isAlive, type Session } from '../../session/session.ts'
import type { Queryable } from '../../store/store.ts'
import type { EndSessionFacts } from './decide-end-session.ts'
import { type VerifiedHint, verifyIdTokenHint } from './verify-id-token-hint.ts'

/** The parameters that are read; empty ones are absent (RIL-29). `logout_hint` proves nothing (RIL-07). */
export interface EndSessionParameters {
  readonly id_token_hint?: string | undefined
  readonly client_id?: string | undefined
  readonly post_logout_redirect_uri?: string | undefined
  /** Keycloak before 18 (KL-50). */
  readonly redirect_uri?: string | undefined
  readonly state?: string | undefined
  readonly ui_locales?: string | undefined
}

export interface EndSessionSettings {
  /** `CURFEW_LEGACY_REDIRECT_URI`, default true; without it the parameter is not read (KL-50). */
  readonly legacyRedirectUri: boolean
}

export interface GatheredFacts {
  readonly facts: EndSessionFacts
  /** The client that the request is about, deleted and unknown ones left out. */
  readonly client: Client | undefined
  readonly browserSession: Session | undefined
}

export async function readEndSessionFacts(
  on: Queryable,
  realm: Realm,
  request: {
    readonly parameters: EndSessionParameters
    readonly sessionCookie: string | undefined
    readonly settings: EndSessionSettings
  },
  at: Instant,
): Promise<GatheredFacts> {
  const { parameters } = request
  const [browserSession, verified] = await Promise.all([
    readBrowserSession(on, realm, request.sessionCookie, at),
    parameters.id_token_hint === undefined
      ? undefined
      : verifyIdTokenHint(realm, parameters.id_token_hint, at),
  ])
  const clientId = parameters.client_id ?? (verified?.ok ? verified.hint.clientId : undefined)
  const client = knownClient(realm, clientId)
  const hintSession = await readHintSession(on, realm, verified)
  const facts: EndSessionFacts = {
    hint: hintFacts(verified, hintSession, at),
    clientId: parameters.client_id,
    isClientKnown: client !== undefined,
    isAlwaysAsked:
      realm.settings.alwaysConfirmSignOut || client?.attributes['logout.confirmation.enabled'] === 'true',
    browserSessionUid: browserSession?.uid,
    redirect: await redirectFacts(on, realm, { ...request, client, browserSession }),
  }
  return { facts, client, browserSession }
}

/** KL-15: a disabled client may still be signed out of. */
export function knownClient(realm: Realm, clientId: string | undefined): Client | undefined {
  const client = clientId === undefined ? undefined : realm.clients.get(clientId)
  return client?.isDeleted ? undefined : client
}

async function readBrowserSession(
  on: Queryable,
  realm: Realm,
  cookie: string | undefined,
  at: Instant,
): Promise<Session | undefined> {
  const session = cookie === undefined ? undefined : await findSessionByCookie(on, realm.id, cookie)
  return session && isAlive(session, at) ? session : undefined
}

async function readHintSession(
  on: Queryable,
  realm: Realm,
  verified: VerifiedHint | undefined,
): Promise<Session | undefined> {
  if (!verified?.ok || verified.hint.sid === undefined) return undefined
  const { sid, clientId, sub } = verified.hint
  // a sid says nothing without its client (session.ts), and the hint must be about the same person
  return findSessionBySid(on, realm.id, { sid, clientId, sub })
}

function hintFacts(
  verified: VerifiedHint | undefined,
  session: Session | undefined,
  at: Instant,
): EndSessionFacts['hint'] {
  if (!verified) return { kind: 'none' }
  if (!verified.ok) return { kind: 'bad', fault: verified.fault }
  const { clientId, isExpired } = verified.hint
  return {
    kind: 'good',
    clientId,
    isExpired,
    session: session && { uid: session.uid, isAlive: isAlive(session, at) },
  }
}

async function redirectFacts(
  on: Queryable,
  realm: Realm,
  of: {
    readonly parameters: EndSessionParameters
    readonly settings: EndSessionSettings
    readonly client: Client | undefined
    readonly browserSession: Session | undefined
  },
): Promise<EndSessionFacts['redirect']> {
  const { post_logout_redirect_uri: modern, redirect_uri: legacy } = of.parameters
  if (modern !== undefined) {
    return { kind: 'modern', uri: modern, match: of.client && matchPostLogoutUri(of.client, modern) }
  }
  if (legacy === undefined || !of.settings.legacyRedirectUri) return { kind: 'none' }
  return { kind: 'legacy', uri: legacy, match: await matchLegacy(on, realm, legacy, of) }
}

/** KL-52, KL-53: the client that is named; else those of this session; else, exactly, any of the realm. */
async function matchLegacy(
  on: Queryable,
  realm: Realm,
  uri: string,
  of: {
    readonly parameters: EndSessionParameters
    readonly client: Client | undefined
    readonly browserSession: Session | undefined
  },
): Promise<{ clientId: string; how: RedirectMatch } | undefined> {
  if (of.parameters.client_id !== undefined) return of.client && matchIn([of.client], uri)
  if (of.browserSession) {
    const members = await readClientSessions(on, of.browserSession.uid)
    return matchIn(
      members.flatMap((member) => knownClient(realm, member.clientId) ?? []),
      uri,
    )
  }
  const found = matchIn(
    [...realm.clients.values()].filter((client) => !client.isDeleted),
    uri,
  )
  return found?.how === 'exact' ? found : undefined
}

function matchIn(
  clients: readonly Client[],
  uri: string,
): { clientId: string; how: RedirectMatch } | undefined {
  const matches = clients.flatMap((client) => {
    const how = matchPostLogoutUri(client, uri)
    return how ? [{ clientId: client.clientId, how }] : []
  })
  return matches.find((match) => match.how === 'exact') ?? matches[0]
}
