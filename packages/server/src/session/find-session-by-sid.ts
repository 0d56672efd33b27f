/** The session in which an application knows a person under this `sid`, whatever its state. */
import { compiledQuery } from '../store/compiled-query.ts'
import type { Queryable } from '../store/store.ts'
import { type Session, sessionFromRow } from './session.ts'

const select = compiledQuery(['realmId', 'sid', 'clientId', 'sub'], (db, value) =>
  db
    .selectFrom('client_session as c')
    .innerJoin('session as s', 's.uid', 'c.session_uid')
    .where('c.sid', '=', value.sid)
    .where('c.realm_id', '=', value.realmId)
    .where('c.client_id', '=', value.clientId)
    .where('c.sub', '=', value.sub)
    .selectAll('s'),
)

/** undefined unless `sid`, application and `sub` belong together. */
export async function findSessionBySid(
  on: Queryable,
  realmId: string,
  member: { readonly sid: string; readonly clientId: string; readonly sub: string },
): Promise<Session | undefined> {
  const [row] = await select(on, { realmId, ...member })
  return row && sessionFromRow(row)
}
