/**
 * An application's address or the policy that judges it has changed (D13, D7): what was learned about the old
 * address is forgotten, what waits is tried at the new one at once, and what was blocked gets a new generation.
 */
import type { Instant } from '../ambient/clock.ts'
import type { Gate } from '../ambient/gate.ts'
import type { Random } from '../ambient/random.ts'
import type { Tx } from '../store/store.ts'
import { renewBlocked } from './redeliver.ts'
import { isPending } from './state-condition.ts'

export interface AddressChange {
  readonly realmId: string
  readonly clientId: string
  /** Who changed it; shown beside the new generations. */
  readonly actor: string
  readonly reason: string
}

/** Run in the transaction of the change. Returns the ids of the deliveries that were blocked and are tried again. */
export async function addressChanged(
  tx: Tx,
  deps: { readonly random: Random; readonly gate: Gate },
  change: AddressChange,
  at: Instant,
): Promise<readonly string[]> {
  await shortenSecondChances(tx, change, at)
  await tx.db
    .updateTable('endpoint')
    .set({
      failure_count: 0,
      opened_count: 0,
      open_until: null,
      // what got no answer at the old address is due now
      recovered_at: at,
      ramp_limit: null,
      ramp_success_count: 0,
      is_gone: 0,
      p95_ms: null,
    })
    .where('realm_id', '=', change.realmId)
    .where('client_id', '=', change.clientId)
    .execute()
  const renewed = await renewBlocked(deps, tx, change, at)
  tx.notify('delivery')
  return renewed
}

/** A "no" of the old address was not the new one's; deliveries before their endpoint, as everybody locks them. */
async function shortenSecondChances(
  tx: Tx,
  { realmId, clientId }: AddressChange,
  at: Instant,
): Promise<void> {
  await tx.db
    .updateTable('delivery')
    .set({ due_at: at })
    .where('endpoint_id', 'in', (e) =>
      e.selectFrom('endpoint').select('id').where('realm_id', '=', realmId).where('client_id', '=', clientId),
    )
    .where(isPending)
    .where('refusal_count', '>', 0)
    .where('due_at', '>', at)
    .execute()
}
