/**
 * Removes tombstones that nothing can refer to any more: sessions that ended longer ago than the longest artefact
 * derived from them lives (SR-08), with their client sessions. In small batches, so that the writer stays free.
 */
import { sql } from 'kysely'
import type { Instant } from '../ambient/clock.ts'
import type { Store } from '../store/store.ts'

/** The history of ended sessions is shown for 30 days (experience.md §8.3); artefacts of a session live shorter. */
export const sessionTombstoneMs = 30 * 24 * 3_600_000
const batchCount = 500

/** @returns true when there may be more */
export async function pruneSessions(store: Store, at: Instant): Promise<boolean> {
  const old = await store.read.db
    .selectFrom('session')
    .select('uid')
    // written out, or neither database uses the index of the ended sessions
    .where('state', '=', sql.lit('ended'))
    .where('ended_at', '<', at - sessionTombstoneMs)
    .limit(batchCount)
    .execute()
  if (old.length === 0) return false
  await store.transact(async (tx) => {
    await tx.db
      .deleteFrom('session')
      .where(
        'uid',
        'in',
        old.map((row) => row.uid),
      )
      .execute()
  })
  return old.length === batchCount
}
