/** How a session ended, for the sentence of an error event. */
import { sql } from 'kysely'
import type { SessionEnd } from '../event/explain.ts'
import type { SignOutCause } from '../sign-out/sign-out-command.ts'
import type { Queryable } from '../store/store.ts'

/** undefined when only this application left the session, or nothing is recorded any more. */
export async function findEndOfSession(
  on: Queryable,
  sessionUid: string,
): Promise<(SessionEnd & { readonly signOutId: string }) | undefined> {
  const row = await on.db
    .selectFrom('sign_out')
    .select(['id', 'cause', 'committed_at'])
    .where('session_uid', '=', sessionUid)
    // written out, or neither database uses the index of sign-outs by session
    .where('scope', '=', sql.lit('session'))
    .executeTakeFirst()
  return row && { signOutId: row.id, cause: row.cause as SignOutCause, committedAt: row.committed_at }
}
