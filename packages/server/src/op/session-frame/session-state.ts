/**
 * `session_state` of an authorization response: a salted hash over the client, the origin of its page and the
 * browser's state. The frame recomputes it, so it says "changed" without asking the server.
 *
 * @see OpenID Connect Session Management 1.0 §2 and §3.2 (SM-01 to SM-05)
 */
import { createHash } from 'node:crypto'
import { type Random, randomId } from '../../ambient/random.ts'
import { browserState } from './frame-cookie.ts'

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
