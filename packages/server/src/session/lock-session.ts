/**
 * Takes the lock under which something is derived from a session, or the session ends (delivery.md, the lock
 * question). `for share` to derive, `for no key update` when the same commit also changes the row, `for update`
 * to end it. On SQLite the single writer is the lock.
 */
import { type LockMode, type Tx, withLock } from '../store/store.ts'
import { type Session, sessionFromRow } from './session.ts'

/** The session as it is once the lock is held, or undefined when there is none of this uid. */
export async function lockSession(tx: Tx, sessionUid: string, mode: LockMode): Promise<Session | undefined> {
  const query = tx.db.selectFrom('session').selectAll().where('uid', '=', sessionUid)
  const row = await withLock(tx, query, mode).executeTakeFirst()
  return row && sessionFromRow(row)
}
