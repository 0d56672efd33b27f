/** The client session that an application's `sid` names, whatever its state. */
import type { Queryable } from '../store/store.ts'
import { type ClientSession, clientSessionFromRow } from './session.ts'

export async function findClientSessionBySid(
  on: Queryable,
  realmId: string,
  sid: string,
): Promise<ClientSession | undefined> {
  const row = await on.db
    .selectFrom('client_session')
    .selectAll()
    .where('sid', '=', sid)
    .where('realm_id', '=', realmId)
    .executeTakeFirst()
  return row && clientSessionFromRow(row)
}
