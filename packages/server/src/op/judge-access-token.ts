/**
 * Whether an access token is good right now. The signature says who made it; the database says whether the
 * session that it came from is still there. This is the door for access tokens: after the commit of a sign-out
 * every answer here is no (I1).
 */
import type { Account } from '../account/account.ts'
import type { Instant } from '../ambient/clock.ts'
import type { Realm } from '../realm/realm.ts'
import type { Client } from '../rp/client.ts'
import type { Queryable } from '../store/store.ts'
import { findEndOfSession } from './find-end-of-session.ts'
import {
  findOfflineGrant,
  findTokenOfService,
  findTokenOfSession,
  type TokenRow,
} from './find-token-session.ts'
import { revokedTokenHash } from './revoked-token.ts'
import type { TokenFault } from './token-fault.ts'
import { type AccessTokenClaims, judgeNotBefore, verifyAccessToken } from './verify-token.ts'

export interface LiveToken {
  readonly claims: AccessTokenClaims
  readonly client: Client
  /** Without roles and groups: whoever needs them reads the account (`claimPlan` says who does). */
  readonly account: Account
  /** The subject that the application knows. */
  readonly sub: string
  /** undefined for a token of the client credentials grant. */
  readonly sessionUid: string | undefined
}

export type JudgedToken =
  | { readonly ok: true; readonly live: LiveToken }
  | {
      readonly ok: false
      readonly fault: TokenFault
      /** Once they are proven, for the event. */
      readonly claims: AccessTokenClaims | undefined
      readonly accountId: string | undefined
      readonly sessionUid: string | undefined
    }

/** One query, a second one only for offline grants and for explanations. */
export async function judgeAccessToken(
  on: Queryable,
  realm: Realm,
  token: string,
  at: Instant,
): Promise<JudgedToken> {
  const verified = verifyAccessToken(realm, token)
  if (!verified.ok) return refuse(verified.fault)
  const { claims } = verified
  if (claims.exp * 1000 <= at) return refuse({ reason: 'expired', expiredAt: claims.exp * 1000 }, claims)
  const client = realm.clients.get(claims.azp)
  if (!client || client.isDeleted) return refuse({ reason: 'client_unknown', clientId: claims.azp }, claims)
  if (!client.enabled) return refuse({ reason: 'client_disabled', clientId: claims.azp }, claims)

  const row = await findRow(on, realm, client, claims)
  if (!row) return refuse({ reason: 'unknown' }, claims)
  const fault =
    judgeRevocation(row, claims) ??
    (await judgeSession(on, row, client, claims, at)) ??
    judgeAccount(row) ??
    judgeNotBefore(claims.iat, {
      realm: realm.notBefore,
      client: client.notBefore,
      account: row.account.notBefore,
    })
  if (fault) return refuse(fault, claims, row)
  const { account, session } = row
  return {
    ok: true,
    live: { claims, client, account, sub: session?.sub ?? account.id, sessionUid: session?.uid },
  }
}

function findRow(
  on: Queryable,
  realm: Realm,
  client: Client,
  claims: AccessTokenClaims,
): Promise<TokenRow | undefined> {
  const revokedHash = revokedTokenHash(realm.id, claims.jti)
  if (claims.sid !== undefined)
    return findTokenOfSession(on, realm.id, client.clientId, claims.sid, revokedHash)
  return client.serviceAccountsEnabled
    ? findTokenOfService(on, realm.id, client.uuid, revokedHash)
    : Promise.resolve(undefined)
}

/** KV-01 revokes what was issued so far; what the application gets afterwards, in the same session, is good. */
function judgeRevocation(
  { isRevoked, session }: TokenRow,
  { iat }: AccessTokenClaims,
): TokenFault | undefined {
  const revokedAt = session?.revokedAt
  const isOlder = revokedAt !== undefined && iat * 1000 <= revokedAt
  return isRevoked || isOlder ? { reason: 'revoked' } : undefined
}

async function judgeSession(
  on: Queryable,
  { session }: TokenRow,
  client: Client,
  claims: AccessTokenClaims,
  at: Instant,
): Promise<TokenFault | undefined> {
  if (!session) return undefined
  const isEnded = session.state !== 'active' || session.clientSessionEndedAt !== undefined
  const isExpired = at >= session.idleUntil || at >= session.endsAt || at >= session.clientSessionExpiresAt
  if (!isEnded && !isExpired) return undefined
  // an offline grant outlives the session, and the tokens that it gives with it (SR-06)
  const isOffline = claims.scope?.split(' ').includes('offline_access') ?? false
  if (isOffline && (await findOfflineGrant(on, session.uid, client.clientId, at))) return undefined
  return isEnded
    ? { reason: 'session_ended', end: await findEndOfSession(on, session.uid) }
    : { reason: 'session_expired' }
}

function judgeAccount({ account }: TokenRow): TokenFault | undefined {
  return account.enabled && !account.isDeleted ? undefined : { reason: 'account_disabled' }
}

function refuse(fault: TokenFault, claims?: AccessTokenClaims, row?: TokenRow): JudgedToken {
  return { ok: false, fault, claims, accountId: row?.account.id, sessionUid: row?.session?.uid }
}
