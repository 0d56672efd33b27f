/**
 * Who made an `id_token_hint`, and which session it names (RIL-04). "Present" is not "verified": signature,
 * issuer and kind are checked; its expiry is reported and judged by `decide-end-session.ts`, because an ID Token
 * outlives its five minutes as an identifier (RIL-05).
 *
 * Passive keys verify. A key that was retired does not, and its name explains why (key/key.ts).
 */
import { compactVerify, decodeProtectedHeader, type JWTPayload } from 'jose'
import type { Instant } from '../../ambient/clock.ts'
import type { Realm } from '../../realm/realm.ts'

export type HintFault =
  | { readonly reason: 'not_a_jwt' | 'encrypted' | 'signature_invalid' | 'names_no_client' }
  | { readonly reason: 'other_issuer'; readonly issuer: string }
  | { readonly reason: 'unknown_key' | 'retired_key'; readonly kid: string | undefined }
  | { readonly reason: 'wrong_kind'; readonly kind: string }

export interface IdTokenHint {
  readonly clientId: string
  readonly sub: string
  readonly sid: string | undefined
  readonly isExpired: boolean
}

export type VerifiedHint =
  | { readonly ok: true; readonly hint: IdTokenHint }
  | { readonly ok: false; readonly fault: HintFault }

/** Longer than any ID Token that fits into an address. */
const hintLengthMax = 16_384

export async function verifyIdTokenHint(
  realm: Pick<Realm, 'issuer' | 'keys'>,
  token: string,
  at: Instant,
): Promise<VerifiedHint> {
  const parts = token.split('.')
  // RIL-08: an encrypted hint is refused like any other that cannot be read
  if (parts.length === 5) return refuse({ reason: 'encrypted' })
  const claims = token.length <= hintLengthMax && parts.length === 3 ? readClaims(parts[1] ?? '') : undefined
  const header = claims && readHeader(token)
  if (!claims || !header) return refuse({ reason: 'not_a_jwt' })
  // before the signature, because another issuer explains why the key is not ours
  if (claims.iss !== realm.issuer) return refuse({ reason: 'other_issuer', issuer: String(claims.iss) })
  const fault = (await judgeSignature(realm, token, header)) ?? judgeKind(claims)
  if (fault) return refuse(fault)
  const clientId = clientOf(claims)
  if (clientId === undefined || typeof claims.sub !== 'string') return refuse({ reason: 'names_no_client' })
  const isExpired = typeof claims.exp !== 'number' || claims.exp * 1000 <= at
  const sid = typeof claims['sid'] === 'string' ? claims['sid'] : undefined
  return { ok: true, hint: { clientId, sub: claims.sub, sid, isExpired } }
}

interface HintHeader {
  readonly kid: string | undefined
  readonly alg: string | undefined
}

async function judgeSignature(
  { keys }: Pick<Realm, 'keys'>,
  token: string,
  { kid, alg }: HintHeader,
): Promise<HintFault | undefined> {
  const key = keys.find((known) => known.kid === kid)
  if (!key) return { reason: 'unknown_key', kid }
  if (key.status === 'retired') return { reason: 'retired_key', kid }
  // the algorithm is the key's own, never the token's choice (ASVS 9.1); RFC 9864 names EdDSA `Ed25519`
  const allowed = key.algorithm === 'EdDSA' ? ['EdDSA', 'Ed25519'] : [key.algorithm]
  if (alg === undefined || !allowed.includes(alg)) return { reason: 'signature_invalid' }
  return compactVerify(token, key.publicKey, { algorithms: allowed }).then(
    () => undefined,
    () => ({ reason: 'signature_invalid' }) as const,
  )
}

/** KL-01: an access or logout token of this realm is no hint. */
function judgeKind(claims: JWTPayload): HintFault | undefined {
  return claims['typ'] === 'ID' ? undefined : { reason: 'wrong_kind', kind: String(claims['typ']) }
}

function clientOf({ azp, aud }: JWTPayload & { azp?: unknown }): string | undefined {
  if (typeof azp === 'string') return azp
  if (typeof aud === 'string') return aud
  return Array.isArray(aud) && aud.length === 1 ? aud[0] : undefined
}

function readHeader(token: string): HintHeader | undefined {
  try {
    const { kid, alg } = decodeProtectedHeader(token)
    return { kid, alg }
  } catch {
    return undefined
  }
}

function readClaims(part: string): JWTPayload | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, 'base64url').toString('utf8'))
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as JWTPayload)
      : undefined
  } catch {
    return undefined
  }
}

function refuse(fault: HintFault): VerifiedHint {
  return { ok: false, fault }
}

/** The sentence of the event: what was wrong, in which value, what usually causes it, what to do. */
export function explainHint(fault: HintFault, realm: Pick<Realm, 'name' | 'issuer'>): string {
  switch (fault.reason) {
    case 'not_a_jwt':
      return 'The id_token_hint is not a JWT. Usually it was cut off, or encoded twice; send the ID Token exactly as the token endpoint returned it.'
    case 'encrypted':
      return 'The id_token_hint is encrypted. Send the signed ID Token, or client_id without a hint.'
    case 'other_issuer':
      return `The id_token_hint was issued by ${bounded(fault.issuer)}, but this realm's issuer is ${realm.issuer}. The host name or the /auth prefix changed since the person signed in, or the application mixes two realms.`
    case 'unknown_key':
      return `The id_token_hint was not signed by a key of the realm ${realm.name}${fault.kid === undefined ? '' : ` (kid ${bounded(fault.kid)})`}. It is from another realm or server, or the realm was made anew without its keys.`
    case 'retired_key':
      return `The id_token_hint was signed by the key ${bounded(fault.kid ?? '')}, which is no longer in the key set. Keep a retired key as passive until the sessions of its time have ended.`
    case 'signature_invalid':
      return 'The signature of the id_token_hint does not fit its content. It was changed or damaged on the way.'
    case 'wrong_kind':
      return `The id_token_hint is a token of the kind ${bounded(fault.kind)}. Send the ID Token, not the access or refresh token.`
    case 'names_no_client':
      return 'The id_token_hint names no single application in azp or aud. Send the ID Token that was issued to the application itself.'
  }
}

function bounded(value: string): string {
  return value.length > 120 ? `${value.slice(0, 120)}…` : value
}
