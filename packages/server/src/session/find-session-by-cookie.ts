/** The session that a browser's cookie names, whatever its state: a tombstone answers "ended", not "unknown". */
import { compiledQuery } from '../store/compiled-query.ts'
import type { Queryable } from '../store/store.ts'
import { hashCookie } from './cookie-hash.ts'
import { type Session, sessionFromRow } from './session.ts'

const select = compiledQuery(['realmId', 'cookieHash'], (db, { realmId, cookieHash }) =>
  db.selectFrom('session').selectAll().where('cookie_hash', '=', cookieHash).where('realm_id', '=', realmId),
)

export async function findSessionByCookie(
  on: Queryable,
  realmId: string,
  cookieValue: string,
): Promise<Session | undefined> {
  const [row] = await select(on, { realmId, cookieHash: hashCookie(cookieValue) })
  return row && sessionFromRow(row)
}
