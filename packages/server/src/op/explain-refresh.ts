/** Why a refresh was refused: read from the database after the fact, for the answer's words and the event (KR-20). */
import type { Instant } from '../ambient/clock.ts'
import type { ServerSecret } from '../key/seal.ts'
import { findClientSessionBySid } from '../session/find-client-session-by-sid.ts'
import { readSession } from '../session/read-session.ts'
import { isAlive } from '../session/session.ts'
import type { Queryable } from '../store/store.ts'
import { artifactHash } from './adapter/artifact-hash.ts'
import { findEndOfSession } from './find-end-of-session.ts'
import type { RefreshTokenClaims } from './refresh-token-format.ts'
import type { TokenFault } from './token-fault.ts'
import type { UnitOfWork } from './unit-of-work/unit-of-work.ts'
import { judgeNotBefore, verifyRefreshToken } from './verify-token.ts'

export interface RefusedRefresh {
  readonly fault: TokenFault
  /** For the event; only what is proven. */
  readonly accountId: string | undefined
  readonly sessionUid: string | undefined
}

export async function explainRefresh(
  deps: { readonly on: Queryable; readonly secret: ServerSecret },
  work: UnitOfWork,
  token: string,
  clientId: string,
  at: Instant,
): Promise<RefusedRefresh> {
  const verified = verifyRefreshToken(deps.secret, work.realm, token)
  if (!verified.ok) return { fault: verified.fault, accountId: undefined, sessionUid: undefined }
  const { claims } = verified
  const member =
    claims.sid === undefined ? undefined : await findClientSessionBySid(deps.on, work.realm.id, claims.sid)
  const session = member && (await readSession(deps.on, member.sessionUid))
  const known = { accountId: session?.accountId, sessionUid: session?.uid }
  const fault =
    claims.azp === clientId ? undefined : ({ reason: 'other_client', clientId: claims.azp } as const)
  if (fault) return { fault, ...known }
  if (session && session.state === 'ended') {
    return { fault: { reason: 'session_ended', end: await findEndOfSession(deps.on, session.uid) }, ...known }
  }
  if (session && member && (!isAlive(session, at) || at >= member.expiresAt)) {
    return { fault: { reason: 'session_expired' }, ...known }
  }
  if (member?.endedAt !== undefined) return { fault: { reason: 'session_ended', end: undefined }, ...known }
  return { fault: (await judgeRow(deps.on, work, claims, at)) ?? { reason: 'revoked' }, ...known }
}

async function judgeRow(
  on: Queryable,
  work: UnitOfWork,
  claims: RefreshTokenClaims,
  at: Instant,
): Promise<TokenFault | undefined> {
  const row = await on.db
    .selectFrom('artifact')
    .select(['consumed_at', 'expires_at'])
    .where('id_hash', '=', artifactHash('RefreshToken', claims.jti))
    .executeTakeFirst()
  const expiresAt = row?.expires_at ?? (claims.exp === undefined ? undefined : claims.exp * 1000)
  if (row && row.consumed_at !== null) return { reason: 'rotated' }
  if (expiresAt !== undefined && expiresAt <= at) return { reason: 'expired', expiredAt: expiresAt }
  const client = work.realm.clients.get(claims.azp)
  return judgeNotBefore(claims.iat, {
    realm: work.realm.notBefore,
    client: client?.notBefore ?? 0,
    account: 0,
  })
}
