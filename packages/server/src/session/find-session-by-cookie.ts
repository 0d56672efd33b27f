/** The session that a browser's cookie names, whatever its state: a tombstone answers "ended", not "unknown". */
import type { Queryable } from '../store/store.ts'
import { hashCookie } from './cookie-hash.ts'
import { type Session, sessionFromRow } from './session.ts'

export async function findSessionByCookie(
  on: Queryable,
  realmId: string,
  cookieValue: string,
): Promise<Session | undefined> {
  const row = await on.db
    .selectFrom('session')
    .selectAll()
    .where('cookie_hash', '=', hashCookie(cookieValue))
    .where('realm_id', '=', realmId)
    .executeTakeFirst()
  return row && sessionFromRow(row)
}
