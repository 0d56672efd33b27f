/** The client session that an application's `sid` names, whatever its state. */
import { compiledQuery } from '../store/compiled-query.ts'
import type { Queryable } from '../store/store.ts'
import { type ClientSession, clientSessionFromRow } from './session.ts'

const select = compiledQuery(['realmId', 'sid'], (db, { realmId, sid }) =>
  db.selectFrom('client_session').selectAll().where('sid', '=', sid).where('realm_id', '=', realmId),
)

export async function findClientSessionBySid(
  on: Queryable,
  realmId: string,
  sid: string,
): Promise<ClientSession | undefined> {
  const [row] = await select(on, { realmId, sid })
  return row && clientSessionFromRow(row)
}
