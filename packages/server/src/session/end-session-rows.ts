/** Ends session rows: the first half of closing the door. Called by `sign-out/` alone, under the row lock. */
import type { Instant } from '../ambient/clock.ts'
import type { Tx } from '../store/store.ts'

/** @returns false when the session had been ended before: the first cause wins (R6, R13) */
export async function endSessionRow(
  tx: Tx,
  sessionUid: string,
  signOutId: string,
  at: Instant,
): Promise<boolean> {
  const { numUpdatedRows } = await tx.db
    .updateTable('session')
    .set({ state: 'ended', ended_at: at, sign_out_id: signOutId })
    .where('uid', '=', sessionUid)
    .where('state', '=', 'active')
    .executeTakeFirst()
  return numUpdatedRows === 1n
}

export async function endClientSessionRows(tx: Tx, sessionUid: string, at: Instant): Promise<void> {
  await tx.db
    .updateTable('client_session')
    .set({ ended_at: at })
    .where('session_uid', '=', sessionUid)
    .where('ended_at', 'is', null)
    .execute()
}

/** One application leaves; the session and the others stay. */
export async function endClientSessionRow(
  tx: Tx,
  sessionUid: string,
  clientId: string,
  at: Instant,
): Promise<boolean> {
  const { numUpdatedRows } = await tx.db
    .updateTable('client_session')
    .set({ ended_at: at })
    .where('session_uid', '=', sessionUid)
    .where('client_id', '=', clientId)
    .where('ended_at', 'is', null)
    .executeTakeFirst()
  return numUpdatedRows === 1n
}
