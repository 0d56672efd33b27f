/**
 * Closes the doors of many sessions with one statement: from its commit on none of them derives anything, and
 * their lists of applications are frozen. Their deliveries are written afterwards by `spread-sign-out.ts` (D18).
 */
import type { Instant } from '../ambient/clock.ts'
import type { Tx } from '../store/store.ts'

export interface Doors {
  /** The parent; a session that still names it has not got its own sign-out yet. */
  readonly signOutId: string
  readonly realmId: string
  readonly accountId?: string | undefined
  readonly exceptSessionUid?: string | undefined
}

/** @returns how many sessions were ended */
export async function closeDoors(tx: Tx, doors: Doors, at: Instant): Promise<number> {
  let query = tx.db
    .updateTable('session')
    .set({ state: 'ended', ended_at: at, sign_out_id: doors.signOutId })
    .where('realm_id', '=', doors.realmId)
    .where('state', '=', 'active')
  if (doors.accountId !== undefined) query = query.where('account_id', '=', doors.accountId)
  if (doors.exceptSessionUid !== undefined) query = query.where('uid', '!=', doors.exceptSessionUid)
  const { numUpdatedRows } = await query.executeTakeFirst()
  return Number(numUpdatedRows)
}
