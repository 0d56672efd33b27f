/**
 * Takes from an application what it got in a session so far: every token issued until `at` is refused, and its
 * grant is gone. The application stays in the session, so that the sign-out still tells it (KV-01).
 */
import type { Instant } from '../ambient/clock.ts'
import type { Tx } from '../store/store.ts'

export async function revokeClientSession(
  tx: Tx,
  sessionUid: string,
  clientId: string,
  at: Instant,
): Promise<void> {
  await tx.db
    .updateTable('client_session')
    .set({ revoked_at: at, grant_id: null })
    .where('session_uid', '=', sessionUid)
    .where('client_id', '=', clientId)
    .execute()
}
