/** Ends what a session left behind on purpose: its offline grants (KQ-01 with `isOffline=true`). */
import type { Tx } from '../store/store.ts'

/** @returns how many artifacts went; 0 when the session has no offline grant */
export async function endOfflineGrants(tx: Tx, realmId: string, sessionUid: string): Promise<number> {
  const { numDeletedRows } = await tx.db
    .deleteFrom('artifact')
    .where('realm_id', '=', realmId)
    .where('session_uid', '=', sessionUid)
    .where('is_offline', '=', 1)
    .executeTakeFirst()
  return Number(numDeletedRows)
}
