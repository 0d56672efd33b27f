/**
 * Who made a token: signature, issuer and kind. Whether it may still be used is another question, answered by
 * the database (judge-access-token.ts).
 *
 * One verifier per kind of token (SR-03): the algorithm is the key's own and never the token's choice (ASVS
 * 9.1), and keys are those of the realm in memory.
 */
import { constants, createPublicKey, type KeyObject, verify } from 'node:crypto'
import type { Instant } from '../ambient/clock.ts'
import type { RealmKey } from '../key/key.ts'
import type { ServerSecret } from '../key/seal.ts'
import type { Realm } from '../realm/realm.ts'
import { type CompactJws, parseCompactJws } from './compact-jws.ts'
import { type RefreshTokenClaims, readRefreshToken } from './refresh-token-format.ts'
import type { TokenFault } from './token-fault.ts'

/** The payload of an access token (KK-01). What a mapper adds stands in the same object. */
export interface AccessTokenClaims {
  readonly typ: string
  readonly iss: string
  readonly sub?: string
  readonly azp: string
  /** Absent on tokens of the client credentials grant. */
  readonly sid?: string
  readonly jti: string
  readonly iat: number
  readonly exp: number
  readonly scope?: string
  /** Asked for one by one (requested-claims.ts). */
  readonly userinfo_claims?: readonly string[]
  readonly [claim: string]: unknown
}

export type Verified<C> =
  | { readonly ok: true; readonly claims: C }
  | { readonly ok: false; readonly fault: TokenFault }

/**
 * Signature, issuer and kind of an access token. An API asks about the same token again and again, so the
 * proven ones are kept; what the database says of them is asked each time.
 */
export function verifyAccessToken(realm: Realm, token: string): Verified<AccessTokenClaims> {
  const kept = proven.get(token)
  // a realm that changed is another object, and its keys may have changed with it
  if (kept?.realm === realm) return kept.verified
  const verified = proveAccessToken(realm, token)
  if (!verified.ok) return verified
  proven.delete(token)
  if (proven.size >= provenCountMax) proven.delete(proven.keys().next().value as string)
  proven.set(token, { realm, verified })
  return verified
}

/** Some 4 KB each; only tokens with a good signature get in, so nobody else can push them out. */
const provenCountMax = 2000
const proven = new Map<string, { readonly realm: Realm; readonly verified: Verified<AccessTokenClaims> }>()

function proveAccessToken(realm: Realm, token: string): Verified<AccessTokenClaims> {
  const jws = parseCompactJws(token)
  if (!jws) return refuse({ reason: 'not_a_jwt' })
  const fault = judgeOrigin(realm, jws) ?? judgeSignature(realm, jws)
  if (fault) return refuse(fault)
  const kind = text(jws.payload['typ'])
  if (kind !== 'Bearer') return refuse({ reason: 'wrong_kind', kind })
  return isAccessTokenClaims(jws.payload)
    ? { ok: true, claims: jws.payload }
    : refuse({ reason: 'signature_invalid' })
}

/** Signature, issuer and kind of a refresh token; expired ones are as good (KR-03). */
export function verifyRefreshToken(
  secret: ServerSecret,
  realm: Realm,
  token: string,
): Verified<RefreshTokenClaims> {
  const jws = parseCompactJws(token)
  if (!jws) return refuse({ reason: 'not_a_jwt' })
  const fault = judgeOrigin(realm, jws)
  if (fault) return refuse(fault)
  const kind = text(jws.payload['typ'])
  if (kind !== 'Refresh' && kind !== 'Offline') return refuse({ reason: 'wrong_kind', kind })
  const claims = readRefreshToken(secret, realm.id, jws)
  return claims ? { ok: true, claims } : refuse(keyFault(realm, jws))
}

/** The kind that a token says it is, proven or not: which verifier to ask. */
export function claimedKind(token: string): 'refresh' | 'access' {
  const kind = parseCompactJws(token)?.payload['typ']
  return kind === 'Refresh' || kind === 'Offline' ? 'refresh' : 'access'
}

/** Before the signature, because another issuer explains why the key is not ours. */
function judgeOrigin(realm: Realm, { payload }: CompactJws): TokenFault | undefined {
  return payload['iss'] === realm.issuer
    ? undefined
    : { reason: 'other_issuer', issuer: text(payload['iss']) }
}

function judgeSignature(realm: Realm, jws: CompactJws): TokenFault | undefined {
  const key = keyOf(realm, jws)
  if (!key || key.status === 'retired') return keyFault(realm, jws)
  return isSignedBy(key, jws) ? undefined : { reason: 'signature_invalid' }
}

function keyFault(realm: Realm, jws: CompactJws): TokenFault {
  const kid = typeof jws.header['kid'] === 'string' ? jws.header['kid'] : undefined
  if (kid !== undefined && keyOf(realm, jws)?.status === 'retired') return { reason: 'retired_key', kid }
  return { reason: 'unknown_key', kid }
}

function keyOf(realm: Realm, { header }: CompactJws): RealmKey | undefined {
  return realm.keys.find((key) => key.kid === header['kid'])
}

/** RFC 7518 §3.3–3.5, RFC 8037 §3.1. RFC 9864 names the last one `Ed25519`. */
function isSignedBy(key: RealmKey, { header, signed, signature }: CompactJws): boolean {
  const alg = header['alg'] === 'Ed25519' ? 'EdDSA' : header['alg']
  if (alg !== key.algorithm) return false
  const data = Buffer.from(signed)
  const publicKey = keyObject(key)
  switch (key.algorithm) {
    case 'RS256':
      return verify('sha256', data, publicKey, signature)
    case 'PS256':
      return verify(
        'sha256',
        data,
        { key: publicKey, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 },
        signature,
      )
    case 'ES256':
      return verify('sha256', data, { key: publicKey, dsaEncoding: 'ieee-p1363' }, signature)
    case 'EdDSA':
      return verify(null, data, publicKey, signature)
  }
}

const keyObjects = new WeakMap<RealmKey, KeyObject>()

/** Node's synchronous verification wants a KeyObject; it is made once per key in memory. */
function keyObject(key: RealmKey): KeyObject {
  const kept = keyObjects.get(key)
  if (kept) return kept
  const made = createPublicKey({ key: key.publicJwk, format: 'jwk' })
  keyObjects.set(key, made)
  return made
}

/** After a good signature this can only be a mistake of our own; it is refused all the same. */
function isAccessTokenClaims(payload: CompactJws['payload']): payload is AccessTokenClaims {
  return (
    typeof payload['azp'] === 'string' &&
    typeof payload['jti'] === 'string' &&
    typeof payload['iat'] === 'number' &&
    typeof payload['exp'] === 'number' &&
    (payload['sid'] === undefined || typeof payload['sid'] === 'string')
  )
}

/**
 * Not-before of the realm, the client and the account: each level counts, whatever the others say.
 * @see keycloak-dialect.md §14.2
 */
export function judgeNotBefore(
  issuedAtSeconds: number,
  levels: { readonly realm: number; readonly client: number; readonly account: number },
): TokenFault | undefined {
  for (const level of ['realm', 'client', 'account'] as const) {
    if (issuedAtSeconds < levels[level]) {
      const notBeforeAt: Instant = levels[level] * 1000
      return { reason: 'not_before', level, notBeforeAt }
    }
  }
  return undefined
}

function refuse(fault: TokenFault): { readonly ok: false; readonly fault: TokenFault } {
  return { ok: false, fault }
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : ''
}
