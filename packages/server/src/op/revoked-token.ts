/** Access tokens that were revoked one by one (RFC 7009): their `jti`, hashed, until they would have expired. */
import { createHash } from 'node:crypto'
import type { Instant } from '../ambient/clock.ts'
import type { Tx } from '../store/store.ts'

export function revokedTokenHash(realmId: string, jti: string): string {
  return createHash('sha256').update(`${realmId}/${jti}`).digest('base64url')
}

/** Revoking a token twice is no error (KV-06). */
export async function insertRevokedToken(tx: Tx, idHash: string, expiresAt: Instant): Promise<void> {
  await tx.db
    .insertInto('revoked_token')
    .values({ id_hash: idHash, expires_at: expiresAt })
    .onConflict((conflict) => conflict.column('id_hash').doNothing())
    .execute()
}
