/** Keeps what an adapter said of the application's own session, beside what it said before (KK-53). */
import { type Tx, withLock } from '../store/store.ts'
import { withAdapterSession } from './adapter-sessions.ts'

export interface NamedSession {
  readonly sessionUid: string
  readonly clientId: string
  readonly id: string
}

/** Read under the row's lock: of two exchanges at the same moment neither loses the other's. */
export async function addAdapterSession(tx: Tx, { sessionUid, clientId, id }: NamedSession): Promise<void> {
  const query = tx.db
    .selectFrom('client_session')
    .select(['sid', 'adapter_session_id'])
    .where('session_uid', '=', sessionUid)
    .where('client_id', '=', clientId)
  const row = await withLock(tx, query, 'for update').executeTakeFirst()
  if (!row) return
  const known = row.adapter_session_id ?? undefined
  const kept = withAdapterSession(known, row.sid, id)
  if (kept === known) return
  const update = tx.db
    .updateTable('client_session')
    .set({ adapter_session_id: kept ?? null })
    .where('session_uid', '=', sessionUid)
    .where('client_id', '=', clientId)
  tx.withCommit(update.execute())
}
