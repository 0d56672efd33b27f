/**
 * Refresh tokens as the applications see them: a JWT that keycloak-js and keycloak-connect can decode (KK-01),
 * signed with a key that only this server has. The wrapper proves nothing but where it came from; the stored
 * artifact that its `jti` names decides (engine.md §10).
 */
import { createHmac, createSecretKey, type KeyObject, timingSafeEqual } from 'node:crypto'
import type { ServerSecret } from '../key/seal.ts'
import { type CompactJws, parseCompactJws } from './compact-jws.ts'

export interface RefreshTokenClaims {
  readonly typ: 'Refresh' | 'Offline'
  readonly iss: string
  /** The engine's artifact id. */
  readonly jti: string
  readonly azp: string
  readonly sub?: string | undefined
  readonly sid?: string | undefined
  readonly scope?: string | undefined
  readonly iat: number
  /** Absent on an offline token without an end. */
  readonly exp?: number | undefined
}

const header = Buffer.from(JSON.stringify({ alg: 'HS256', typ: 'JWT' })).toString('base64url')

export function formatRefreshToken(
  secret: ServerSecret,
  realmId: string,
  claims: RefreshTokenClaims,
): string {
  const { iss } = claims
  const payload = Buffer.from(JSON.stringify({ ...claims, aud: iss })).toString('base64url')
  const signed = `${header}.${payload}`
  return `${signed}.${mac(secret, realmId, signed).toString('base64url')}`
}

/**
 * The claims of a refresh token that this server made for this realm, whether or not it may still be used.
 * @param token as it came, or taken apart already
 */
export function readRefreshToken(
  secret: ServerSecret,
  realmId: string,
  token: string | CompactJws,
): RefreshTokenClaims | undefined {
  const jws = typeof token === 'string' ? parseCompactJws(token) : token
  if (jws?.header['alg'] !== 'HS256') return undefined
  const expected = mac(secret, realmId, jws.signed)
  if (jws.signature.length !== expected.length || !timingSafeEqual(jws.signature, expected)) return undefined
  return jws.payload as unknown as RefreshTokenClaims
}

/** The key of one realm, kept: deriving it costs more than using it. */
const keys = new WeakMap<ServerSecret, Map<string, KeyObject>>()

function mac(secret: ServerSecret, realmId: string, signed: string): Buffer {
  const ofSecret = keys.get(secret) ?? new Map<string, KeyObject>()
  keys.set(secret, ofSecret)
  const key = ofSecret.get(realmId) ?? createSecretKey(secret.derive(`refresh/${realmId}`))
  ofSecret.set(realmId, key)
  return createHmac('sha256', key).update(signed).digest()
}
