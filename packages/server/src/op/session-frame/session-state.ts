/**
 * `session_state` of an authorization response: a salted hash over the client, the origin of its page and the
 * browser's state cookie. The frame recomputes it, so it says "changed" without asking the server.
 *
 * @see OpenID Connect Session Management 1.0 §2 and §3.2 (SM-04, SM-05)
 */
import { createHash } from 'node:crypto'
import { type Random, randomId } from '../../ambient/random.ts'

/** Never holds a space (SM-03). A fresh salt each time, so that two responses are not recognisable (SM-13). */
export function newSessionState(
  random: Random,
  clientId: string,
  redirectUri: string,
  opState: string,
): string {
  return sessionState(clientId, originOfUri(redirectUri), opState, randomId(random, '', 96))
}

export function sessionState(clientId: string, origin: string, opState: string, salt: string): string {
  const hash = createHash('sha256').update(`${clientId} ${origin} ${opState} ${salt}`).digest('base64url')
  return `${hash}.${salt}`
}

function originOfUri(uri: string): string {
  return URL.parse(uri)?.origin ?? 'null'
}
