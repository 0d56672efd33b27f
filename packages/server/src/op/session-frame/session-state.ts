/**
 * `session_state` of an authorization response: a salted hash over the client, the origin of its page and the
 * browser's state. The frame recomputes it, so it says "changed" without asking the server.
 *
 * @see OpenID Connect Session Management 1.0 §2 and §3.2 (SM-01 to SM-05)
 */
import { createHash } from 'node:crypto'
import type { KoaContextWithOIDC } from 'oidc-provider'
import { type Random, randomId } from '../../ambient/random.ts'
import type { Realm } from '../../realm/realm.ts'
import { browserState } from './frame-cookie.ts'

/** SR-23: the realm attribute `curfew.session.frame` (default `true`) switches the frame off. */
export function isSessionFrameOn(realm: Pick<Realm, 'attributes'>): boolean {
  return realm.attributes['curfew.session.frame'] !== 'false'
}

/** The value for the answer to this authorization request (SM-01); undefined where the realm has no frame. */
export function sessionStateOf(
  random: Random,
  realm: Realm,
  { oidc }: KoaContextWithOIDC,
): string | undefined {
  const redirectUri = oidc.params?.['redirect_uri']
  if (!isSessionFrameOn(realm) || !oidc.client || typeof redirectUri !== 'string') return undefined
  // KC-07: an application that takes unknown members of the answer for an error
  const { attributes = {} } = realm.clients.get(oidc.client.clientId) ?? {}
  if (attributes['exclude.session.state.from.auth.response'] === 'true') return undefined
  const sessionCookieValue = oidc.session?.accountId === undefined ? '' : oidc.session.jti
  return newSessionState(random, { clientId: oidc.client.clientId, redirectUri, sessionCookieValue })
}

/** Puts it into an error that the engine has written as a redirect already (SM-02). */
export function addSessionState(ctx: KoaContextWithOIDC, sessionState: string | undefined): void {
  const location = ctx.response.get('location')
  const url = sessionState === undefined ? null : URL.parse(location)
  if (!url || sessionState === undefined) return
  if (url.searchParams.has('error')) url.searchParams.set('session_state', sessionState)
  else if (/^#(?:.*&)?error=/.test(url.hash)) url.hash += `&session_state=${sessionState}`
  else return
  ctx.set('location', url.href)
}

/**
 * Never holds a space (SM-03). A fresh salt each time, so that two responses are not recognisable (SM-13).
 * `sessionCookieValue` is empty for an error response without a session.
 */
export function newSessionState(
  random: Random,
  of: { readonly clientId: string; readonly redirectUri: string; readonly sessionCookieValue: string },
): string {
  const salt = randomId(random, '', 96)
  const origin = URL.parse(of.redirectUri)?.origin ?? 'null'
  const state = of.sessionCookieValue === '' ? '' : browserState(of.sessionCookieValue)
  const hash = createHash('sha256').update(`${of.clientId} ${origin} ${state} ${salt}`).digest('base64url')
  return `${hash}.${salt}`
}
