/**
 * Withdraws waiting deliveries: an operator says so, or they have become pointless (D12). A delivery that is in
 * flight is left alone: whether it is accepted is about to be known, and that is the better truth.
 */
import type { Instant } from '../ambient/clock.ts'
import { isOneOf } from '../store/bulk-rows.ts'
import type { Tx } from '../store/store.ts'
import type { CancelDetail } from './display-state.ts'

export const cancelCountMax = 1000

export interface CancelCommand {
  readonly realmId: string
  readonly deliveryIds: readonly string[]
  readonly detail: CancelDetail
  /** Shown beside the state. Required of an operator. */
  readonly reason: string
}

/** Returns the ids that were cancelled: those that were `pending`. At most 1,000 in a call. */
export async function cancelDeliveries(
  tx: Tx,
  command: CancelCommand,
  at: Instant,
): Promise<readonly string[]> {
  const rows = await tx.db
    .updateTable('delivery')
    .set({ state: 'cancelled', detail: command.detail, reason: command.reason.slice(0, 500), settled_at: at })
    .where(isOneOf(tx, 'id', command.deliveryIds.slice(0, cancelCountMax)))
    .where('realm_id', '=', command.realmId)
    .where('state', '=', 'pending')
    .returning(['id', 'sign_out_id'])
    .execute()
  for (const signOutId of new Set(rows.map((row) => row.sign_out_id))) tx.notify('settled', signOutId)
  return rows.map((row) => row.id)
}
