/** One application in one session, as it is now. */
import { compiledQuery } from '../store/compiled-query.ts'
import type { Queryable } from '../store/store.ts'
import { type ClientSession, clientSessionFromRow } from './session.ts'

const select = compiledQuery(['sessionUid', 'clientId'], (db, { sessionUid, clientId }) =>
  db
    .selectFrom('client_session')
    .selectAll()
    .where('session_uid', '=', sessionUid)
    .where('client_id', '=', clientId),
)

export async function findClientSession(
  on: Queryable,
  key: { readonly sessionUid: string; readonly clientId: string },
): Promise<ClientSession | undefined> {
  const [row] = await select(on, { sessionUid: key.sessionUid, clientId: key.clientId })
  return row && clientSessionFromRow(row)
}
