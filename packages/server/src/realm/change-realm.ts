/** The one way to tell every process that a realm, or something it holds in memory, has changed. */
import { sql } from 'kysely'
import type { Tx } from '../store/store.ts'

/** Raises the version. Call it in the transaction of the change: no process ever caches the state before it. */
export async function changeRealm(tx: Tx, realmId: string): Promise<void> {
  await tx.db
    .updateTable('realm')
    .set({ version: sql<number>`version + 1` })
    .where('id', '=', realmId)
    .execute()
  tx.notify('realm', realmId)
}
