/**
 * Whether the caller holds the key to which an access token is bound: without this check a stolen token would be
 * worth at our endpoints what it is worth nowhere else (DPoP, RFC 9449 §4.3 and §7).
 */
import { createHash } from 'node:crypto'
import { calculateJwkThumbprint, EmbeddedJWK, type JWTPayload, jwtVerify } from 'jose'
import type { Instant } from '../ambient/clock.ts'
import type { Realm } from '../realm/realm.ts'
import type { Store } from '../store/store.ts'
import { useOnce } from './use-once.ts'
import type { AccessTokenClaims } from './verify-token.ts'

/** How the token was presented. */
export interface Presented {
  readonly token: string
  readonly scheme: 'Bearer' | 'DPoP'
  /** The `DPoP` header. */
  readonly proof: string | undefined
  readonly method: string
  /** The address of the endpoint, without query and fragment. */
  readonly url: string
}

export type ProofFault =
  | 'proof_missing'
  | 'proof_invalid'
  | 'proof_of_another_key'
  | 'proof_of_another_request'
  | 'proof_too_old'
  | 'proof_replayed'
  /** The scheme promises a key, and the token is bound to none. */
  | 'token_not_bound'

/** What the engine takes at the token endpoint, and discovery publishes. */
export const proofAlgorithms = ['ES256', 'Ed25519', 'EdDSA']
/** As at the token endpoint. */
const proofAgeSecondsMax = 300

/** The thumbprint of the key that the token is bound to (RFC 9449 §6.1). */
export function boundKeyOf({ cnf }: AccessTokenClaims): string | undefined {
  return typeof cnf === 'object' && cnf !== null && 'jkt' in cnf ? String(cnf.jkt) : undefined
}

/** The reason why the token may not be used so, or undefined. A proof is used up by this call. */
export async function judgeProof(
  deps: { readonly store: Store },
  realm: Realm,
  claims: AccessTokenClaims,
  presented: Presented,
  at: Instant,
): Promise<ProofFault | undefined> {
  const boundKey = boundKeyOf(claims)
  if (boundKey === undefined) return presented.scheme === 'DPoP' ? 'token_not_bound' : undefined
  // §7.1: a bound token is never a bearer token
  if (presented.scheme !== 'DPoP' || presented.proof === undefined) return 'proof_missing'
  const proof = await verifyProof(presented.proof)
  if (!proof) return 'proof_invalid'
  if (proof.key !== boundKey) return 'proof_of_another_key'
  const { payload } = proof
  if (!isOfRequest(payload, presented)) return 'proof_of_another_request'
  const { iat = 0, jti = '' } = payload
  if (Math.abs(at / 1000 - iat) > proofAgeSecondsMax) return 'proof_too_old'
  const value = `dpop/${realm.id}/${boundKey}/${jti}`
  const expiresAt = (iat + proofAgeSecondsMax + 1) * 1000
  const once = { realmId: realm.id, purpose: 'dpop_proof', value, expiresAt } as const
  const isFirst = await deps.store.transact((tx) => useOnce(tx, once, at))
  return isFirst ? undefined : 'proof_replayed'
}

/** §4.3 (2) to (7): one JWT of the right kind, signed by the public key that it carries. */
async function verifyProof(
  proof: string,
): Promise<{ readonly payload: JWTPayload; readonly key: string } | undefined> {
  try {
    const { payload, protectedHeader } = await jwtVerify(proof, EmbeddedJWK, {
      algorithms: proofAlgorithms,
      typ: 'dpop+jwt',
      requiredClaims: ['jti', 'htm', 'htu', 'iat'],
    })
    const { jwk } = protectedHeader
    if (!jwk || 'd' in jwk || typeof payload.jti !== 'string' || payload.jti.length > 512) return undefined
    return { payload, key: await calculateJwkThumbprint(jwk) }
  } catch {
    return undefined
  }
}

/** §4.3 (8), (9) and (12): the method, the address and the hash of this very token. */
function isOfRequest(payload: JWTPayload, { token, method, url }: Presented): boolean {
  const target = URL.parse(String(payload['htu']))
  if (!target) return false
  target.search = target.hash = ''
  const ath = createHash('sha256').update(token).digest('base64url')
  return payload['htm'] === method && target.href === new URL(url).href && payload['ath'] === ath
}
