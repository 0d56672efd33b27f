/**
 * Notes when the response that gave an application its tokens left, so that its first notice is not sent before
 * the application has stored the session (SR-19), and what the application said of its own session (KK-53).
 */
import type { Instant } from '../ambient/clock.ts'
import type { Tx } from '../store/store.ts'

export interface Answered {
  readonly sessionUid: string
  readonly clientId: string
  readonly adapterSessionId?: string
  readonly adapterSessionHost?: string
}

export async function markAnswered(tx: Tx, answered: Answered, at: Instant): Promise<void> {
  await tx.db
    .updateTable('client_session')
    .set({
      answered_at: at,
      last_active_at: at,
      ...(answered.adapterSessionId ? { adapter_session_id: answered.adapterSessionId.slice(0, 255) } : {}),
      ...(answered.adapterSessionHost
        ? { adapter_session_host: answered.adapterSessionHost.slice(0, 255) }
        : {}),
    })
    .where('session_uid', '=', answered.sessionUid)
    .where('client_id', '=', answered.clientId)
    .execute()
}
