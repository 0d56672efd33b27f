/** Slides the idle time of one application's part of a session (KW-04). */
import type { Instant } from '../ambient/clock.ts'
import type { Tx } from '../store/store.ts'

export async function extendClientSession(
  tx: Tx,
  key: { readonly sessionUid: string; readonly clientId: string },
  expiresAt: Instant,
): Promise<void> {
  await tx.db
    .updateTable('client_session')
    .set({ expires_at: expiresAt })
    .where('session_uid', '=', key.sessionUid)
    .where('client_id', '=', key.clientId)
    .where('ended_at', 'is', null)
    .execute()
}
