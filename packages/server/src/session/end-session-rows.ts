/** Ends session rows: the first half of closing the door. Called by `sign-out/` alone, under the row lock. */
import type { Instant } from '../ambient/clock.ts'
import { isOneOf } from '../store/bulk-rows.ts'
import { compiledStatement } from '../store/compiled-query.ts'
import type { Tx } from '../store/store.ts'

const endSession = compiledStatement({ uid: '', signOutId: '', at: 0 }, (db, { uid, signOutId, at }) =>
  db
    .updateTable('session')
    .set({ state: 'ended', ended_at: at, sign_out_id: signOutId })
    .where('uid', '=', uid)
    .where('state', '=', 'active'),
)

/** @returns false when the session had been ended before: the first cause wins (R6, R13) */
export async function endSessionRow(
  tx: Tx,
  sessionUid: string,
  signOutId: string,
  at: Instant,
): Promise<boolean> {
  return (await endSession(tx, { uid: sessionUid, signOutId, at })) === 1
}

const endMembers = compiledStatement({ sessionUid: '', at: 0 }, (db, { sessionUid, at }) =>
  db
    .updateTable('client_session')
    .set({ ended_at: at })
    .where('session_uid', '=', sessionUid)
    .where('ended_at', 'is', null),
)

export async function endClientSessionRows(tx: Tx, sessionUid: string, at: Instant): Promise<void> {
  await endMembers(tx, { sessionUid, at })
}

/** Some of them, where a session has more applications than one transaction signs out of (D18). */
export async function endSomeClientSessionRows(
  tx: Tx,
  sessionUid: string,
  clientIds: readonly string[],
  at: Instant,
): Promise<void> {
  await tx.db
    .updateTable('client_session')
    .set({ ended_at: at })
    .where('session_uid', '=', sessionUid)
    .where(isOneOf(tx, 'client_id', clientIds))
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
