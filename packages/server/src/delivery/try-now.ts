/** "Try now": brings the next try of waiting deliveries forward; also through a breaker that is open. */
import type { Instant } from '../ambient/clock.ts'
import { isOneOf } from '../store/bulk-rows.ts'
import type { Store, Tx } from '../store/store.ts'
import { partsOf } from './state-condition.ts'

export const tryNowCountMax = 1000

export type TryNowCommand = {
  readonly realmId: string
} & ({ readonly deliveryIds: readonly string[] } | { readonly signOutId: string })

export function tryNow(store: Store, command: TryNowCommand, at: Instant): Promise<readonly string[]> {
  return store.transact((tx) => tryNowInside(tx, command, at))
}

/**
 * Returns the ids of the deliveries that will be tried now, 1,000 at most; those that are leased or terminal stay as
 * they are. Their endpoint's breaker, if open, becomes half-open: this is its probe. The tries so far still count.
 */
export async function tryNowInside(tx: Tx, command: TryNowCommand, at: Instant): Promise<readonly string[]> {
  let waiting = tx.db
    .selectFrom('delivery')
    .select('id')
    .where('realm_id', '=', command.realmId)
    .where('state', '=', 'pending')
    .orderBy('id')
    .limit(tryNowCountMax)
  waiting =
    'signOutId' in command
      ? waiting.where('sign_out_id', 'in', partsOf(command.signOutId))
      : waiting.where(isOneOf(tx, 'id', command.deliveryIds.slice(0, tryNowCountMax)))
  const ids = (await waiting.execute()).map((row) => row.id)
  if (ids.length === 0) return []
  const rows = await tx.db
    .updateTable('delivery')
    .set({ due_at: at })
    .where(isOneOf(tx, 'id', ids))
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
}
