/** "Try now": brings the next try of waiting deliveries forward; also through a breaker that is open. */
import type { Instant } from '../ambient/clock.ts'
import { isOneOf } from '../store/bulk-rows.ts'
import type { Store } from '../store/store.ts'

export const tryNowCountMax = 1000

/**
 * Returns the ids of the deliveries that will be tried now; those that are leased or terminal stay as they are. Its
 * endpoint's breaker, if open, becomes half-open: this is its probe. The tries so far still count.
 */
export function tryNow(
  store: Store,
  { realmId, deliveryIds }: { readonly realmId: string; readonly deliveryIds: readonly string[] },
  at: Instant,
): Promise<readonly string[]> {
  return store.transact(async (tx) => {
    const rows = await tx.db
      .updateTable('delivery')
      .set({ due_at: at })
      .where(isOneOf(tx, 'id', deliveryIds.slice(0, tryNowCountMax)))
      .where('realm_id', '=', realmId)
      .where('state', '=', 'pending')
      .returning(['id', 'endpoint_id', 'sign_out_id'])
      .execute()
    const endpointIds = [...new Set(rows.map((row) => row.endpoint_id))].sort()
    await tx.db
      .updateTable('endpoint')
      .set({ open_until: at })
      .where(isOneOf(tx, 'id', endpointIds))
      .where('open_until', '>', at)
      .execute()
    for (const signOutId of new Set(rows.map((row) => row.sign_out_id))) tx.notify('delivery', signOutId)
    return rows.map((row) => row.id)
  })
}
