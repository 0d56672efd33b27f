/** Ends what nobody waits for any more: pending deliveries whose horizon has passed (D12, I4). */
import type { Instant } from '../ambient/clock.ts'
import { isOneOf } from '../store/bulk-rows.ts'
import { type Store, type Tx, withLock } from '../store/store.ts'
import { verdictWithoutAnswer } from './settle.ts'
import { isPending } from './state-condition.ts'

/** The try that was cut to the horizon begins shortly after it; the verdict waits for that one. */
export const horizonGraceMs = 30_000
const deliveryCountMax = 500

export interface EndedDelivery {
  readonly deliveryId: string
  readonly signOutId: string
  readonly realmId: string
  readonly clientId: string
  readonly channel: string
  readonly state: 'unconfirmed' | 'unreachable'
  readonly settledAt: Instant
}

/** At most 500 rows in a call, oldest horizon first; returns them. The last reason stays. */
export async function endAtHorizon(store: Store, at: Instant): Promise<readonly EndedDelivery[]> {
  const passed = await store.read.db
    .selectFrom('delivery')
    .select('id')
    .where(isPending)
    .where('horizon_at', '<=', at - horizonGraceMs)
    .limit(1)
    .execute()
  return passed.length === 0 ? [] : store.transact((tx) => endPassed(tx, at))
}

async function endPassed(tx: Tx, at: Instant): Promise<readonly EndedDelivery[]> {
  const rows = await withLock(
    tx,
    tx.db
      .selectFrom('delivery')
      .select(['id', 'sign_out_id', 'realm_id', 'client_id', 'channel', 'had_connection'])
      .where(isPending)
      .where('horizon_at', '<=', at - horizonGraceMs)
      .orderBy('horizon_at')
      .orderBy('id')
      .limit(deliveryCountMax),
    'for update',
  ).execute()
  const ended = rows.map((row) => ({
    deliveryId: row.id,
    signOutId: row.sign_out_id,
    realmId: row.realm_id,
    clientId: row.client_id,
    channel: row.channel,
    state: verdictWithoutAnswer(row.had_connection === 1),
    settledAt: at,
  }))
  for (const state of ['unconfirmed', 'unreachable'] as const) {
    const ids = ended.filter((row) => row.state === state).map((row) => row.deliveryId)
    if (ids.length === 0) continue
    await tx.db
      .updateTable('delivery')
      .set({ state, settled_at: at })
      .where(isOneOf(tx, 'id', ids))
      .where('state', '=', 'pending')
      .execute()
  }
  for (const id of new Set(ended.map((row) => row.signOutId))) tx.notify('settled', id)
  return ended
}
