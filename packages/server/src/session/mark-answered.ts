/**
 * Notes when the response that gave an application its tokens left, so that its first notice is not sent before
 * the application has stored the session (SR-19), and what the application said of its own session (KK-53).
 */
import type { Instant } from '../ambient/clock.ts'
import { compiledStatement } from '../store/compiled-query.ts'
import type { Tx } from '../store/store.ts'

export interface Answered {
  readonly sessionUid: string
  readonly clientId: string
  readonly adapterSessionId?: string
  readonly adapterSessionHost?: string
}

export async function markAnswered(tx: Tx, answered: Answered, at: Instant): Promise<void> {
  const { sessionUid, clientId, adapterSessionId, adapterSessionHost } = answered
  await mark(tx, { sessionUid, clientId, at })
  if (!adapterSessionId && !adapterSessionHost) return
  await tx.db
    .updateTable('client_session')
    .set({
      ...(adapterSessionId ? { adapter_session_id: adapterSessionId.slice(0, 255) } : {}),
      ...(adapterSessionHost ? { adapter_session_host: adapterSessionHost.slice(0, 255) } : {}),
    })
    .where('session_uid', '=', sessionUid)
    .where('client_id', '=', clientId)
    .execute()
}

const mark = compiledStatement({ sessionUid: '', clientId: '', at: 0 }, (db, value) =>
  db
    .updateTable('client_session')
    .set({ answered_at: value.at, last_active_at: value.at })
    .where('session_uid', '=', value.sessionUid)
    .where('client_id', '=', value.clientId),
)
