/** The stored artifact of a refresh token, whatever its state: it decides, the token is its wrapper. */
import type { Instant } from '../ambient/clock.ts'
import type { Queryable } from '../store/store.ts'
import { artifactHash } from './adapter/artifact-hash.ts'

export interface StoredRefreshToken {
  readonly clientId: string | undefined
  readonly accountId: string | undefined
  readonly sessionUid: string | undefined
  readonly grantId: string | undefined
  readonly isOffline: boolean
  /** Set once it was replaced by a newer one. */
  readonly consumedAt: Instant | undefined
  readonly expiresAt: Instant | undefined
}

/** undefined when it was revoked, ended with its session, or is older than what is kept. */
export async function findRefreshToken(
  on: Queryable,
  realmId: string,
  jti: string,
): Promise<StoredRefreshToken | undefined> {
  const row = await on.db
    .selectFrom('artifact')
    .select(['client_id', 'account_id', 'session_uid', 'grant_id', 'is_offline', 'consumed_at', 'expires_at'])
    .where('id_hash', '=', artifactHash('RefreshToken', jti))
    .where('realm_id', '=', realmId)
    .executeTakeFirst()
  return (
    row && {
      clientId: row.client_id ?? undefined,
      accountId: row.account_id ?? undefined,
      sessionUid: row.session_uid ?? undefined,
      grantId: row.grant_id ?? undefined,
      isOffline: row.is_offline === 1,
      consumedAt: row.consumed_at ?? undefined,
      expiresAt: row.expires_at ?? undefined,
    }
  )
}
