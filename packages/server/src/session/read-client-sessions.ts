/** The applications of one session, ended ones included, oldest first. */
import type { Queryable } from '../store/store.ts'
import { type ClientSession, clientSessionFromRow } from './session.ts'

/** An application in a session is bounded by the realm's clients; a page of more would hide a member from its sign-out. */
export async function readClientSessions(
  on: Queryable,
  sessionUid: string,
): Promise<readonly ClientSession[]> {
  const rows = await on.db
    .selectFrom('client_session')
    .selectAll()
    .where('session_uid', '=', sessionUid)
    .orderBy('started_at')
    .orderBy('client_id')
    .execute()
  return rows.map(clientSessionFromRow)
}
