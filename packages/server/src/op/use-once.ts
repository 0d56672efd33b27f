/** Values that count once: the `jti` of client assertions and of DPoP proofs, remembered until they expire. */
import { createHash } from 'node:crypto'
import type { Instant } from '../ambient/clock.ts'
import type { Tx } from '../store/store.ts'

export interface OnceOnly {
  readonly realmId: string
  readonly purpose: 'client_assertion' | 'dpop_proof'
  /** Bound to the purpose and to whoever made it. */
  readonly value: string
  readonly expiresAt: Instant
}

/** False for a value that was used before. Only one of two requests at the same moment inserts the row. */
export async function useOnce(
  tx: Tx,
  { realmId, purpose, value, expiresAt }: OnceOnly,
  at: Instant,
): Promise<boolean> {
  const { numInsertedOrUpdatedRows } = await tx.db
    .insertInto('handle')
    .values({
      id_hash: createHash('sha256').update(value).digest('base64url'),
      realm_id: realmId,
      purpose,
      payload: '{}',
      expires_at: expiresAt,
      used_at: at,
    })
    .onConflict((conflict) => conflict.column('id_hash').doNothing())
    .executeTakeFirst()
  return numInsertedOrUpdatedRows === 1n
}
