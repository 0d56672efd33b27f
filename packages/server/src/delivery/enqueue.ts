/** Writes the deliveries of a sign-out, in the transaction of the sign-out (D1). */
import type { Instant } from '../ambient/clock.ts'
import type { Random } from '../ambient/random.ts'
import type { Channel } from '../rp/client.ts'
import { insertRows, isOneOf } from '../store/bulk-rows.ts'
import type { Due, Tx } from '../store/store.ts'
import { endpointIdOf, isTerminal, type NewDelivery } from './delivery.ts'
import { isPending } from './state-condition.ts'

/** A transaction writes no more; what is left of a wider sign-out is written by later ones (D18). */
export const deliveriesPerTransactionMax = 10_000

const idBytes = 16

/**
 * Inserts one row per delivery, and the rows of endpoints that are called for the first time; wakes the
 * dispatchers after the commit. Returns the delivery ids (`dl_…`, 128 bits) in the order of `deliveries`.
 *
 * The inserts travel with the commit: a second delivery of the same sign-out, client session, channel and
 * generation is a unique violation there (D2).
 */
export function enqueueDeliveries(
  tx: Tx,
  deps: { readonly random: Random },
  deliveries: readonly NewDelivery[],
  at: Instant,
): readonly string[] {
  if (deliveries.length === 0) return []
  const ids = newDeliveryIds(deps.random, deliveries.length)
  const rows = deliveries.map((delivery, index) => deliveryRow(ids[index] as string, delivery, at))
  tx.withCommit(insertRows(tx, 'endpoint', endpointRows(deliveries), { onConflict: 'skip' }))
  tx.withCommit(insertRows(tx, 'delivery', rows))
  for (const [signOutId, own] of Map.groupBy(deliveries, (delivery) => delivery.signOutId))
    tx.notify('delivery', signOutId, own.filter(isDispatched).map(dueOf))
  return ids
}

/** A channel that the browser carries is not dispatched. */
function isDispatched({ initialState = 'pending' }: NewDelivery): boolean {
  return initialState === 'pending'
}

function dueOf({ realmId, clientId, channel, dueAt }: NewDelivery): Due {
  return { endpointId: endpointIdOf(realmId, clientId, channel), dueAt }
}

/** One draw for all: a thousand small draws cost more than the insert of one row each. */
export function newDeliveryIds(random: Random, count: number): readonly string[] {
  const bytes = random.bytes(count * idBytes)
  return Array.from({ length: count }, (_, index) => {
    return `dl_${bytes.subarray(index * idBytes, (index + 1) * idBytes).toString('base64url')}`
  })
}

/** A `pending` row, or the terminal row of a channel that the browser carries. */
export function deliveryRow(id: string, delivery: NewDelivery, at: Instant): InsertedDelivery {
  const state = delivery.initialState ?? 'pending'
  return {
    id,
    sign_out_id: delivery.signOutId,
    realm_id: delivery.realmId,
    session_uid: delivery.sessionUid,
    client_id: delivery.clientId,
    sid: delivery.sid,
    sub: delivery.sub,
    issuer: delivery.issuer,
    channel: delivery.channel,
    generation: 1,
    endpoint_id: endpointIdOf(delivery.realmId, delivery.clientId, delivery.channel),
    address: delivery.address,
    priority: delivery.priority === 'high' ? 0 : 1,
    state,
    detail: null,
    reason: reasonsOfBrowser[state],
    due_at: delivery.dueAt,
    lease_until: null,
    lease_owner: null,
    fence: 0,
    attempt_count: 0,
    refusal_count: 0,
    internal_count: 0,
    had_connection: 0,
    tried_at: null,
    horizon_at: delivery.horizonAt,
    created_at: at,
    settled_at: isTerminal(state) ? at : null,
    replay_actor: null,
    replay_reason: null,
  }
}

/** What is known of a notice that only a browser carries, as soon as it is written. */
const reasonsOfBrowser: Readonly<Record<NonNullable<NewDelivery['initialState']>, string | null>> = {
  pending: null,
  unconfirmed: 'front.cannot_confirm',
  unreachable: 'front.too_many',
}

/**
 * Writes the rows of endpoints that have waiting deliveries and no row. Housekeeping removes the row of a client that
 * was deleted when nothing waits there; a sign-out that is being committed at that moment is not seen by it (D13).
 */
export async function restoreEndpoints(tx: Tx, endpointIds: readonly string[]): Promise<void> {
  const rows = await tx.db
    .selectFrom('delivery')
    .select(['realm_id', 'client_id', 'channel'])
    .distinct()
    .where(isOneOf(tx, 'endpoint_id', endpointIds))
    .where(isPending)
    .execute()
  const found = rows.map((row) => ({
    realmId: row.realm_id,
    clientId: row.client_id,
    channel: row.channel as Channel,
  }))
  await insertRows(tx, 'endpoint', endpointRows(found), { onConflict: 'skip' })
}

type InsertedDelivery = Parameters<typeof insertRows<'delivery'>>[2][number]

type Addressed = Pick<NewDelivery, 'realmId' | 'clientId' | 'channel'>

/** Sorted, so that two sign-outs that meet the same new endpoints cannot deadlock. */
function endpointRows(deliveries: readonly Addressed[]): Parameters<typeof insertRows<'endpoint'>>[2] {
  const byId = new Map<string, Addressed>()
  for (const delivery of deliveries) {
    byId.set(endpointIdOf(delivery.realmId, delivery.clientId, delivery.channel), delivery)
  }
  return [...byId]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([id, { realmId, clientId, channel }]) => ({
      id,
      realm_id: realmId,
      client_id: clientId,
      channel,
      failure_count: 0,
      opened_count: 0,
      open_until: null,
      recovered_at: null,
      ramp_limit: null,
      ramp_success_count: 0,
      paced_until: 0,
      last_success_at: null,
      last_failure_at: null,
      last_reason: null,
      is_gone: 0,
      p95_ms: null,
    }))
}
