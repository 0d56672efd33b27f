/** Changes members of a realm's representation; what is not named stays as it was imported (KZ-90). */
import type { Representation } from '../rp/representation.ts'
import { type Tx, withLock } from '../store/store.ts'
import { changeRealm } from './change-realm.ts'

/** False when there is no such realm. The caller invalidates its own copy after the commit. */
export async function updateRepresentation(
  tx: Tx,
  realmId: string,
  change: Representation,
): Promise<boolean> {
  const query = tx.db
    .selectFrom('realm')
    .select('representation')
    .where('id', '=', realmId)
    .where('deleted_at', 'is', null)
  const row = await withLock(tx, query, 'for no key update').executeTakeFirst()
  if (!row) return false
  const representation = JSON.stringify({ ...(JSON.parse(row.representation) as Representation), ...change })
  await tx.db.updateTable('realm').set({ representation }).where('id', '=', realmId).execute()
  await changeRealm(tx, realmId)
  return true
}
