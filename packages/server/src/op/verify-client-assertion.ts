/**
 * `private_key_jwt` and `client_secret_jwt`: a JWT that the client signed for this one request.
 * @see OpenID Connect Core 1.0 §9, RFC 7523 §3
 */
import { errors, type JWTPayload, type JWTVerifyGetKey, jwtVerify } from 'jose'
import type { Instant } from '../ambient/clock.ts'
import type { Realm } from '../realm/realm.ts'
import type { Client } from '../rp/client.ts'
import type { Store } from '../store/store.ts'
import type { ClientKeys } from './client-keys.ts'
import { useOnce } from './use-once.ts'

export type AssertionFault =
  | 'malformed'
  | 'keys_unavailable'
  | 'signature_invalid'
  | 'claims_invalid'
  | 'replayed'

const jwtBearer = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'

/** Which kind of key verifies is the registration's choice, never the assertion's (ASVS 9.1). */
const secretAlgorithms = ['HS256', 'HS384', 'HS512']
const keyAlgorithms = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
]

/** An assertion may live this long; it bounds how long its `jti` is remembered. */
const lifetimeSecondsMax = 3600
const clockToleranceSeconds = 10

export function isJwtBearer(values: Readonly<Record<string, string>>): boolean {
  return values['client_assertion_type'] === jwtBearer && values['client_assertion'] !== undefined
}

/** The reason why the assertion does not authenticate the client, or undefined. It is used up by this call. */
export async function verifyClientAssertion(
  deps: { readonly store: Store; readonly clientKeys: ClientKeys },
  realm: Realm,
  client: Client,
  assertion: string,
  at: Instant,
): Promise<AssertionFault | undefined> {
  const verified = await verifyWithKnownKeys(deps.clientKeys, realm, client, assertion, at)
  if (!verified.ok) return verified.fault
  const { jti, exp = 0, iat } = verified.payload
  if (!jti || jti.length > 512) return 'malformed'
  if (exp * 1000 > at + lifetimeSecondsMax * 1000) return 'claims_invalid'
  if (iat !== undefined && iat * 1000 > at + clockToleranceSeconds * 1000) return 'claims_invalid'
  const value = `client-assertion/${realm.id}/${client.clientId}/${jti}`
  const expiresAt = (exp + clockToleranceSeconds) * 1000
  const once = { realmId: realm.id, purpose: 'client_assertion', value, expiresAt } as const
  // RFC 7523 §3 (7)
  const isFirst = await deps.store.transact((tx) => useOnce(tx, once, at))
  return isFirst ? undefined : 'replayed'
}

type VerifiedAssertion =
  | { readonly ok: true; readonly payload: JWTPayload }
  | { readonly ok: false; readonly fault: AssertionFault }

/** A key that is not known yet may have been published a moment ago: the keys are read again, once. */
async function verifyWithKnownKeys(
  clientKeys: ClientKeys,
  realm: Realm,
  client: Client,
  assertion: string,
  at: Instant,
): Promise<VerifiedAssertion> {
  for (const isRetry of [false, true]) {
    const keys = isBySecret(client) ? secretOf(client) : await clientKeys.keysOf(client, isRetry, at)
    if (!keys) return { ok: false, fault: isRetry ? 'signature_invalid' : 'keys_unavailable' }
    const verified = await verifySignedAssertion(keys, realm, client, assertion, at)
    if (verified.ok || verified.fault !== 'signature_invalid') return verified
  }
  return { ok: false, fault: 'signature_invalid' }
}

async function verifySignedAssertion(
  keys: JWTVerifyGetKey,
  realm: Realm,
  client: Client,
  assertion: string,
  at: Instant,
): Promise<VerifiedAssertion> {
  const registered = client.attributes['token.endpoint.auth.signing.alg']
  try {
    const { payload } = await jwtVerify(assertion, keys, {
      algorithms: (isBySecret(client) ? secretAlgorithms : keyAlgorithms).filter(
        (alg) => !registered || alg === registered,
      ),
      issuer: client.clientId,
      subject: client.clientId,
      audience: audiencesOf(realm),
      requiredClaims: ['exp', 'jti'],
      currentDate: new Date(at),
      clockTolerance: clockToleranceSeconds,
    })
    return { ok: true, payload }
  } catch (error) {
    return { ok: false, fault: faultOf(error) }
  }
}

function isBySecret({ clientAuthenticatorType }: Client): boolean {
  return clientAuthenticatorType === 'client-secret-jwt'
}

/** RFC 7518 §3.2: a MAC key is at least as long as its hash; a shorter secret cannot be used this way. */
function secretOf({ secret = '' }: Client): JWTVerifyGetKey | undefined {
  const key = Buffer.from(secret)
  return key.length >= 32 ? () => Promise.resolve(key) : undefined
}

/** RFC 7523 §3 (3): the issuer, or an endpoint of it that takes client authentication. */
function audiencesOf({ issuer }: Realm): string[] {
  const base = `${issuer}/protocol/openid-connect`
  return [issuer, ...['token', 'token/introspect', 'revoke', 'logout'].map((path) => `${base}/${path}`)]
}

function faultOf(error: unknown): AssertionFault {
  if (error instanceof errors.JWTClaimValidationFailed || error instanceof errors.JWTExpired)
    return 'claims_invalid'
  if (error instanceof errors.JWTInvalid || error instanceof errors.JWSInvalid) return 'malformed'
  return 'signature_invalid'
}
