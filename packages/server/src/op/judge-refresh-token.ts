/** Whether a refresh token could be used right now, without using it: for introspection. */
import type { Account } from '../account/account.ts'
import type { Instant } from '../ambient/clock.ts'
import type { ServerSecret } from '../key/seal.ts'
import type { Realm } from '../realm/realm.ts'
import type { Client } from '../rp/client.ts'
import type { Queryable } from '../store/store.ts'
import { findEndOfSession } from './find-end-of-session.ts'
import { findTokenOfRefresh, type RefreshTokenRow } from './find-token-session.ts'
import type { RefreshTokenClaims } from './refresh-token-format.ts'
import type { TokenFault } from './token-fault.ts'
import { judgeNotBefore, verifyRefreshToken } from './verify-token.ts'

export type JudgedRefreshToken =
  | {
      readonly ok: true
      readonly claims: RefreshTokenClaims
      readonly client: Client
      readonly account: Account
      readonly sessionUid: string | undefined
    }
  | { readonly ok: false; readonly fault: TokenFault; readonly claims: RefreshTokenClaims | undefined }

/** One query; a second one explains how a session ended. An offline grant needs no session (SR-06). */
export async function judgeRefreshToken(
  deps: { readonly on: Queryable; readonly secret: ServerSecret },
  realm: Realm,
  token: string,
  at: Instant,
): Promise<JudgedRefreshToken> {
  const verified = verifyRefreshToken(deps.secret, realm, token)
  if (!verified.ok) return { ok: false, fault: verified.fault, claims: undefined }
  const { claims } = verified
  const refuse = (fault: TokenFault): JudgedRefreshToken => ({ ok: false, fault, claims })

  const client = realm.clients.get(claims.azp)
  if (!client || client.isDeleted) return refuse({ reason: 'client_unknown', clientId: claims.azp })
  if (!client.enabled) return refuse({ reason: 'client_disabled', clientId: claims.azp })
  const row = await findTokenOfRefresh(deps.on, realm.id, claims.jti)
  const fault = judgeStored(row, claims, at)
  if (fault || !row) return refuse(fault ?? { reason: 'revoked' })
  const { account, session } = row
  const gone = row.isOffline ? undefined : await judgeSession(deps.on, session, at)
  if (gone) return refuse(gone)
  if (!account.enabled || account.isDeleted) return refuse({ reason: 'account_disabled' })
  const levels = { realm: realm.notBefore, client: client.notBefore, account: account.notBefore }
  const older = judgeNotBefore(claims.iat, levels)
  return older ? refuse(older) : { ok: true, claims, client, account, sessionUid: session?.uid }
}

function judgeStored(
  stored: RefreshTokenRow | undefined,
  claims: RefreshTokenClaims,
  at: Instant,
): TokenFault | undefined {
  if (claims.exp !== undefined && claims.exp * 1000 <= at)
    return { reason: 'expired', expiredAt: claims.exp * 1000 }
  if (!stored) return { reason: 'revoked' }
  if (stored.clientId !== claims.azp) return { reason: 'unknown' }
  if (stored.consumedAt !== undefined) return { reason: 'rotated' }
  if (stored.expiresAt !== undefined && stored.expiresAt <= at)
    return { reason: 'expired', expiredAt: stored.expiresAt }
  return undefined
}

async function judgeSession(
  on: Queryable,
  session: RefreshTokenRow['session'],
  at: Instant,
): Promise<TokenFault | undefined> {
  if (!session) return { reason: 'session_ended', end: undefined }
  if (session.state !== 'active')
    return { reason: 'session_ended', end: await findEndOfSession(on, session.uid) }
  return at >= session.idleUntil || at >= session.endsAt ? { reason: 'session_expired' } : undefined
}
