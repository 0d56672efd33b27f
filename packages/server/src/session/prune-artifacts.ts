/** Removes codes, tokens, interactions, handles and revocations whose time is over. In small batches. */
import type { Instant } from '../ambient/clock.ts'
import type { Store, Tx } from '../store/store.ts'

const batchCount = 1000
/** Kept a little beyond their end, so that "expired" can be told from "unknown". */
const graceMs = 3_600_000

/** @returns true when there may be more */
export async function pruneArtifacts(store: Store, at: Instant): Promise<boolean> {
  const counts = await store.transact(async (tx) => [
    await deleteExpired(tx, 'artifact', at),
    await deleteExpired(tx, 'handle', at),
    await deleteExpired(tx, 'revoked_token', at),
  ])
  return counts.some((count) => count === batchCount)
}

async function deleteExpired(
  tx: Tx,
  table: 'artifact' | 'handle' | 'revoked_token',
  at: Instant,
): Promise<number> {
  const { numDeletedRows } = await tx.db
    .deleteFrom(table)
    .where('id_hash', 'in', (from) =>
      from
        .selectFrom(table)
        .select('id_hash')
        .where('expires_at', '<', at - graceMs)
        .limit(batchCount),
    )
    .executeTakeFirst()
  return Number(numDeletedRows)
}
