/** The applications that are still in one session: the oldest first and no more than are asked for, or their number. */

import { sql } from 'kysely'
import { compiledQuery } from '../store/compiled-query.ts'
import type { Queryable } from '../store/store.ts'
import { type ClientSession, clientSessionFromRow } from './session.ts'

const select = compiledQuery(['sessionUid', 'countMax'], (db, { sessionUid, countMax }) =>
  db
    .selectFrom('client_session')
    .selectAll()
    .where('session_uid', '=', sessionUid)
    .where('ended_at', 'is', null)
    .orderBy('started_at')
    .orderBy('client_id')
    .limit(sql<number>`${countMax}`),
)

export async function readOpenClientSessions(
  on: Queryable,
  sessionUid: string,
  countMax: number,
): Promise<readonly ClientSession[]> {
  return (await select(on, { sessionUid, countMax: String(countMax) })).map(clientSessionFromRow)
}

export async function countOpenClientSessions(on: Queryable, sessionUid: string): Promise<number> {
  const { count } = await on.db
    .selectFrom('client_session')
    .select((e) => e.fn.countAll().as('count'))
    .where('session_uid', '=', sessionUid)
    .where('ended_at', 'is', null)
    .executeTakeFirstOrThrow()
  return Number(count)
}
