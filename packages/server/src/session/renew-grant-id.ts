/** Gives a client session whose tokens were revoked the grant of its next authorization (KV-01). */
import type { Tx } from '../store/store.ts'

export async function renewGrantId(
  tx: Tx,
  sessionUid: string,
  clientId: string,
  grantId: string,
): Promise<void> {
  await tx.db
    .updateTable('client_session')
    .set({ grant_id: grantId })
    .where('session_uid', '=', sessionUid)
    .where('client_id', '=', clientId)
    .where('grant_id', 'is', null)
    .execute()
}
