/**
 * Takes the lock under which something is derived from a session, or the session ends (delivery.md, the lock
 * question). `for share` to derive, `for no key update` when the same commit also changes the row, `for update`
 * to end it. On SQLite the single writer is the lock.
 */
import { compiledQuery } from '../store/compiled-query.ts'
import { type LockMode, type Tx, withLock } from '../store/store.ts'
import { type Session, sessionFromRow } from './session.ts'

const selectWith = (mode: LockMode) =>
  compiledQuery(['uid'], (db, { uid }, on) =>
    withLock(on, db.selectFrom('session').selectAll().where('uid', '=', uid), mode),
  )

const select = {
  'for share': selectWith('for share'),
  'for no key update': selectWith('for no key update'),
  'for update': selectWith('for update'),
} as const

/** The session as it is once the lock is held, or undefined when there is none of this uid. */
export async function lockSession(tx: Tx, sessionUid: string, mode: LockMode): Promise<Session | undefined> {
  const [row] = await select[mode](tx, { uid: sessionUid })
  return row && sessionFromRow(row)
}
