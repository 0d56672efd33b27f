/**
 * The sender of OpenID Connect Back-Channel Logout 1.0: one logout token per client and `sid`, posted as a form.
 *
 * Invariants
 * - D6, D13: address, algorithm, key and switches are read when the try is made, and the token is signed then.
 * - I8: fresh `jti` and `iat` per try, `exp` = `iat` + 120 s, a key that is published now.
 * - D19: the token is held in memory for one try, and of it only a hash is kept.
 *
 * @see OpenID Connect Back-Channel Logout 1.0 §2.4, §2.5
 */
import assert from 'node:assert/strict'
import type { Clock, Instant } from '../../ambient/clock.ts'
import { type Random, randomId } from '../../ambient/random.ts'
import { type RealmKey, signingKeyFor } from '../../key/key.ts'
import type { Realm } from '../../realm/realm.ts'
import type { Client } from '../../rp/client.ts'
import { judgeUrl } from '../address-guard.ts'
import { currentAddress } from '../current-address.ts'
import { evidenceOf } from '../evidence-of.ts'
import { createFreshToken, type SignedToken } from '../fresh-token.ts'
import type { OutboundHttp } from '../outbound-http.ts'
import type { DeliverySubject, PreparedMessage, PrepareRefusal, Sender } from '../sender.ts'
import { signCompactJws } from '../sign-compact-jws.ts'
import {
  buildLogoutToken,
  type LogoutTokenClaimsWire,
  logoutTokenAlgorithms,
  logoutTokenLifetimeSeconds,
  logoutTokenType,
} from './build-logout-token.ts'

export interface OidcBackchannelDeps {
  readonly realms: { byId(id: string): Promise<Realm | undefined> }
  readonly outbound: Pick<OutboundHttp, 'post' | 'policyFor'>
  readonly random: Random
  readonly clock: Clock
}

export function createOidcBackchannelSender(deps: OidcBackchannelDeps): Sender {
  return { channel: 'oidc-back-channel', prepare: (subject, at) => prepare(deps, subject, at) }
}

/** Reasons: `config.no_channel`, and those of `judgeUrl`. Throws when the realm is gone or has no key to sign with. */
async function prepare(
  deps: OidcBackchannelDeps,
  subject: DeliverySubject,
  at: Instant,
): Promise<PreparedMessage | PrepareRefusal> {
  const realm = await deps.realms.byId(subject.realmId)
  if (!realm) throw new Error(`realm ${subject.realmId} of delivery ${subject.deliveryId} does not exist`)
  const client = realm.clients.get(subject.clientId)
  const address = currentAddress(client, subject)
  if (address === undefined) {
    return { refused: true, kind: 'no_channel', reason: 'config.no_channel', address: subject.address }
  }
  const scope = { realm: realm.name, clientId: subject.clientId }
  const judged = judgeUrl(address, deps.outbound.policyFor(scope))
  if (!judged.ok) return { refused: true, kind: 'blocked', reason: judged.reason, address }

  const registration = { clientId: subject.clientId, attributes: client?.attributes ?? {} }
  const key = chooseKey(realm, registration, at)
  const sign = async (now: Instant): Promise<SignedToken> => {
    const jti = randomId(deps.random)
    const claims = buildLogoutToken(registration, subject, jti, now)
    assertOwn(claims, subject, key, now)
    const token = await signCompactJws(key, logoutTokenType(registration), claims)
    return { token, evidence: evidenceOf(token, { jti, kid: key.kid }) }
  }
  // a compact JWS consists of characters that a form leaves as they are
  const body = await createFreshToken(deps.clock, sign, (token) => `logout_token=${token}`, at)
  return {
    address,
    get evidence() {
      return body.evidence
    },
    send: (signal) =>
      deps.outbound.post(
        {
          endpointId: subject.endpointId,
          url: address,
          scope,
          trustPem: realm.settings.trustPem,
          contentType: 'application/x-www-form-urlencoded',
          body,
        },
        signal,
      ),
  }
}

/** Asserted of each token before it is signed, in production too; a failure is our own fault (D17) and sends nothing. */
function assertOwn(
  claims: LogoutTokenClaimsWire,
  subject: DeliverySubject,
  key: RealmKey,
  at: Instant,
): void {
  assert(claims.aud === subject.clientId && claims.sid === subject.sid, 'I3: aud and sid are this member’s')
  assert(claims.sub === undefined || claims.sub === subject.sub, 'I3: sub is what this member saw')
  assert(claims.exp - claims.iat <= logoutTokenLifetimeSeconds, 'I8: two minutes at most')
  assert(!('nonce' in claims), 'I8: never a nonce')
  assert(key.status === 'active' && key.usableAt <= at, 'I8: the key has been published long enough')
}

function chooseKey(realm: Realm, client: Pick<Client, 'clientId' | 'attributes'>, at: Instant): RealmKey {
  for (const algorithm of logoutTokenAlgorithms(client, realm.settings.defaultSignatureAlgorithm)) {
    const key = signingKeyFor(realm.keys, algorithm, at)
    if (key) return key
  }
  throw new Error(`realm ${realm.name} has no key to sign a logout token with`)
}
