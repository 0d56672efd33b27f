/** Reads one session by its uid, outside or inside a transaction, without a lock. */
import type { Queryable } from '../store/store.ts'
import { type Session, sessionFromRow } from './session.ts'

export async function readSession(on: Queryable, sessionUid: string): Promise<Session | undefined> {
  const row = await on.db.selectFrom('session').selectAll().where('uid', '=', sessionUid).executeTakeFirst()
  return row && sessionFromRow(row)
}
