/**
 * Checks a logout token as OpenID Connect Back-Channel Logout 1.0 §2.6 asks.
 */
import { errors, type JWTPayload, type JWTVerifyGetKey, jwtVerify } from 'jose'

const eventName = 'http://schemas.openid.net/event/backchannel-logout'
/** As for ID Tokens: signatures by public keys only, never `none` and never a shared secret (BCL-43). */
const algorithms = ['RS256', 'PS256', 'ES256', 'EdDSA']
const acceptedTypes: readonly unknown[] = [undefined, 'JWT', 'logout+jwt']
const tokenAgeSecondsMax = 600
const clockToleranceSeconds = 60

export interface LogoutTokenDependencies {
  readonly issuer: string
  readonly clientId: string
  /** The server's keys, from its `jwks_uri`. */
  readonly keys: JWTVerifyGetKey
  readonly seenTokens: SeenTokens
}

export type LogoutTokenResult =
  | { readonly ok: true; readonly sid: string | undefined; readonly sub: string | undefined }
  | { readonly ok: false; readonly reason: LogoutTokenFault; readonly detail: string }

export type LogoutTokenFault =
  | 'missing'
  | 'not_trusted'
  | 'wrong_type'
  | 'no_event'
  | 'has_nonce'
  | 'no_subject'
  | 'repeated'

/** @param token the form field `logout_token`, whatever was sent */
export async function verifyLogoutToken(
  deps: LogoutTokenDependencies,
  token: unknown,
): Promise<LogoutTokenResult> {
  if (typeof token !== 'string' || token === '') return fault('missing', 'no logout_token in the form')
  const verified = await verifySignatureAndClaims(deps, token)
  if (!('payload' in verified)) return verified
  const { payload, typ } = verified
  if (!acceptedTypes.includes(typ)) return fault('wrong_type', `typ is ${String(typ)}`)
  if (!namesTheEvent(payload)) return fault('no_event', `events has no ${eventName}`)
  if ('nonce' in payload) return fault('has_nonce', 'a logout token has no nonce (it might be an ID Token)')
  const sid = nonEmptyText(payload['sid'])
  const sub = nonEmptyText(payload.sub)
  if (sid === undefined && sub === undefined) return fault('no_subject', 'neither sid nor sub')
  if (!deps.seenTokens.claim(`${payload.iss} ${payload.jti}`))
    return fault('repeated', 'this jti was used before')
  return { ok: true, sid, sub }
}

async function verifySignatureAndClaims(
  { keys, issuer, clientId }: LogoutTokenDependencies,
  token: string,
): Promise<{ payload: JWTPayload; typ: unknown } | Extract<LogoutTokenResult, { ok: false }>> {
  try {
    const { payload, protectedHeader } = await jwtVerify(token, keys, {
      issuer,
      audience: clientId,
      algorithms,
      requiredClaims: ['iat', 'exp', 'jti', 'events'],
      maxTokenAge: tokenAgeSecondsMax,
      clockTolerance: clockToleranceSeconds,
    })
    return { payload, typ: protectedHeader.typ }
  } catch (error) {
    return fault('not_trusted', error instanceof errors.JOSEError ? error.code : 'the keys cannot be fetched')
  }
}

function namesTheEvent(payload: JWTPayload): boolean {
  const events: unknown = payload['events']
  if (typeof events !== 'object' || events === null) return false
  const event: unknown = (events as Record<string, unknown>)[eventName]
  return typeof event === 'object' && event !== null && !Array.isArray(event)
}

function nonEmptyText(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}

function fault(reason: LogoutTokenFault, detail: string): Extract<LogoutTokenResult, { ok: false }> {
  return { ok: false, reason, detail }
}

/** Tokens are good once (BCL-48): a repeated one could end a newer session. */
export interface SeenTokens {
  /** False if the token was claimed before. */
  claim(id: string): boolean
}

/** Remembers for as long as a token can be accepted. */
export function createSeenTokens(now: () => number = Date.now): SeenTokens {
  const keepMs = (tokenAgeSecondsMax + 2 * clockToleranceSeconds) * 1000
  const seen = new Map<string, number>()
  return {
    claim(id) {
      for (const [old, at] of seen) {
        if (at + keepMs > now()) break
        seen.delete(old)
      }
      if (seen.has(id)) return false
      seen.set(id, now())
      return true
    },
  }
}
