/** Reads one session by its uid, outside or inside a transaction, without a lock. */
import { compiledQuery } from '../store/compiled-query.ts'
import type { Queryable } from '../store/store.ts'
import { type Session, sessionFromRow } from './session.ts'

const select = compiledQuery(['uid'], (db, { uid }) =>
  db.selectFrom('session').selectAll().where('uid', '=', uid),
)

export async function readSession(on: Queryable, sessionUid: string): Promise<Session | undefined> {
  const [row] = await select(on, { uid: sessionUid })
  return row && sessionFromRow(row)
}
