/**
 * Withdraws waiting deliveries: an operator says so, or they have become pointless (D12). A delivery that is in
 * flight is left alone: whether it is accepted is about to be known, and that is the better truth.
 */
import type { Instant } from '../ambient/clock.ts'
import { isOneOf } from '../store/bulk-rows.ts'
import type { Tx } from '../store/store.ts'
import type { CancelDetail } from './display-state.ts'

export const cancelCountMax = 1000
const reasonCharactersMax = 500

export interface CancelCommand {
  readonly realmId: string
  readonly deliveryIds: readonly string[]
  readonly detail: CancelDetail
  /** Shown beside the state. Required of an operator. */
  readonly reason: string
}

/** A delivery that was withdrawn, with what its event says. */
export interface CancelledDelivery {
  readonly deliveryId: string
  readonly signOutId: string
  readonly sessionUid: string
  readonly clientId: string
  readonly channel: string
  readonly tryCount: number
  readonly detail: CancelDetail
  readonly reason: string
  readonly settledAt: Instant
}

/** Returns what was cancelled: those that were `pending`. At most 1,000 in a call. */
export async function cancelDeliveries(
  tx: Tx,
  command: CancelCommand,
  at: Instant,
): Promise<readonly CancelledDelivery[]> {
  const detail = command.detail
  const reason = command.reason.trim().slice(0, reasonCharactersMax)
  const rows = await tx.db
    .updateTable('delivery')
    .set({ state: 'cancelled', detail, reason, settled_at: at })
    .where(isOneOf(tx, 'id', command.deliveryIds.slice(0, cancelCountMax)))
    .where('realm_id', '=', command.realmId)
    .where('state', '=', 'pending')
    .returning(['id', 'sign_out_id', 'session_uid', 'client_id', 'channel', 'attempt_count'])
    .execute()
  for (const signOutId of new Set(rows.map((row) => row.sign_out_id))) tx.notify('settled', signOutId)
  return rows.map((row) => ({
    deliveryId: row.id,
    signOutId: row.sign_out_id,
    sessionUid: row.session_uid,
    clientId: row.client_id,
    channel: row.channel,
    tryCount: row.attempt_count,
    detail,
    reason,
    settledAt: at,
  }))
}
