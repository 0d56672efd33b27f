/** The applications of one session, ended ones included, oldest first. */
import { compiledQuery } from '../store/compiled-query.ts'
import type { Queryable } from '../store/store.ts'
import { type ClientSession, clientSessionFromRow } from './session.ts'

/** An application in a session is bounded by the realm's clients; a page of more would hide a member from its sign-out. */
const select = compiledQuery(['sessionUid'], (db, { sessionUid }) =>
  db
    .selectFrom('client_session')
    .selectAll()
    .where('session_uid', '=', sessionUid)
    .orderBy('started_at')
    .orderBy('client_id'),
)

export async function readClientSessions(
  on: Queryable,
  sessionUid: string,
): Promise<readonly ClientSession[]> {
  return (await select(on, { sessionUid })).map(clientSessionFromRow)
}
