/**
 * The claims and the header of one logout token. Nothing of other messages is used here: a security event token
 * and a SAML request differ in exactly the members that matter (SR-01).
 *
 * @see OpenID Connect Back-Channel Logout 1.0 §2.4
 */
import { type Instant, toNumericDate } from '../../ambient/clock.ts'
import type { SigningAlgorithm } from '../../key/key.ts'
import { signingAlgorithms } from '../../key/key.ts'
import type { Client } from '../../rp/client.ts'
import type { DeliverySubject } from '../sender.ts'

const logoutEvent = 'http://schemas.openid.net/event/backchannel-logout'

/** §4 encourages two minutes at most; a longer life would let a stolen token be played later. */
export const logoutTokenLifetimeSeconds = 120

export interface LogoutTokenClaimsWire {
  readonly iss: string
  readonly aud: string
  readonly iat: number
  readonly exp: number
  readonly jti: string
  readonly events: Readonly<Record<string, Readonly<Record<string, never>> | true>>
  readonly sub?: string
  readonly sid: string
  /** RFC 8417 §2.2: the delivery, the same in every try, so that logs on both sides can be joined (SR-04). */
  readonly txn: string
}

/** What the registration of the client says about its logout tokens. */
export type LogoutTokenRegistration = Pick<Client, 'clientId' | 'attributes'>

/**
 * The claims for one try. `iss` and `sub` are what this application saw at sign-in (KT-04, SR-02), not what the
 * realm is called now. There is never a `nonce` (BCL-17) and never a token without `sid` (SR-05).
 */
export function buildLogoutToken(
  client: LogoutTokenRegistration,
  subject: Pick<DeliverySubject, 'deliveryId' | 'issuer' | 'sub' | 'sid'>,
  jti: string,
  at: Instant,
): LogoutTokenClaimsWire {
  const { attributes } = client
  const iat = toNumericDate(at)
  const revokesOffline = attributes['backchannel.logout.revoke.offline.tokens'] === 'true'
  return {
    iss: subject.issuer,
    aud: client.clientId,
    iat,
    exp: iat + logoutTokenLifetimeSeconds,
    jti,
    events: { [logoutEvent]: {}, ...(revokesOffline ? { revoke_offline_access: true as const } : {}) },
    ...(attributes['curfew.logout.token.sub'] === 'false' ? {} : { sub: subject.sub }),
    sid: subject.sid,
    txn: subject.deliveryId,
  }
}

/** Header `typ`: `logout+jwt`, or `JWT` for a receiver that insists on it (KT-01). */
export function logoutTokenType(client: LogoutTokenRegistration): 'logout+jwt' | 'JWT' {
  return client.attributes['curfew.logout.token.typ'] === 'JWT' ? 'JWT' : 'logout+jwt'
}

/** The algorithms to sign with, best first: the client's own, the realm's default, RS256, any (KT-02, BCL-19). */
export function logoutTokenAlgorithms(
  client: LogoutTokenRegistration,
  realmDefault: SigningAlgorithm,
): readonly SigningAlgorithm[] {
  const own = client.attributes['id.token.signed.response.alg']
  const wanted = signingAlgorithms.filter((algorithm) => algorithm === own)
  return [...new Set<SigningAlgorithm>([...wanted, realmDefault, ...signingAlgorithms])]
}
