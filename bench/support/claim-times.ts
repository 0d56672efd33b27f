/** What one claim, and the looks of the sweep, cost beside rows that wait: through the product's own functions. */
import { systemAmbient } from '../../packages/server/src/ambient/ambient.ts'
import { claimDeliveries } from '../../packages/server/src/delivery/claim.ts'
import { defaultDeliverySettings, endpointIdOf } from '../../packages/server/src/delivery/delivery.ts'
import { endAtHorizon } from '../../packages/server/src/delivery/end-at-horizon.ts'
import { findDueEndpoints } from '../../packages/server/src/delivery/find-due-endpoints.ts'
import { findOverdueEndpoints } from '../../packages/server/src/delivery/overdue-endpoints.ts'
import { isLeased } from '../../packages/server/src/delivery/state-condition.ts'
import { takeBackExpiredLeases } from '../../packages/server/src/delivery/take-back-leases.ts'
import type { Channel } from '../../packages/server/src/rp/client.ts'
import { openStore, type Store, type StoreSettings } from '../../packages/server/src/store/store.ts'
import { type Percentiles, percentilesOf } from './percentiles.ts'
import { type WrittenSignOut, writeSignOut } from './write-sign-out.ts'

export interface ClaimTimes {
  readonly claimMs: Percentiles
  readonly sweepMs: Percentiles
  /** What the disk alone asks for: one row, committed in the same rounds. */
  readonly commitMs: Percentiles
}

const roundCount = 1000
/** Statements are compiled, and pages read, in the first rounds; a server that has run for a second has done so. */
const warmUpCount = 100
const sweepEvery = 10
/** Endpoints asked in one claim, each with one row that has just been written. */
const healthyIds = Array.from({ length: 10 }, (_, index) => `healthy-${index}`)
const slots = { total: 256, high: 204, low: 204 }

/** Claims fresh rows of healthy applications, and of the dead ones that wait, as the dispatcher does. */
export async function measureClaims(
  settings: StoreSettings,
  deadEndpointIds: readonly string[],
): Promise<ClaimTimes> {
  const ambient = systemAmbient()
  await using store = await openStore(settings, ambient)
  const senders = new Set<Channel>(['oidc-back-channel'])
  const deps = { ...ambient, store, senders, settings: defaultDeliverySettings, owner: 'bench' }
  const healthy = healthyIds.map((id) => endpointIdOf('bench', id, 'oidc-back-channel'))
  const claimed: number[] = []
  const swept: number[] = []
  const committed: number[] = []
  for (let round = -warmUpCount; round < roundCount; round++) {
    await store.transact((tx) => writeSignOut(tx, freshSignOut(round), Date.now()))
    const dead = deadEndpointIds[(round + warmUpCount) % deadEndpointIds.length] as string
    const claimMs = await timed(() => claimDeliveries(deps, [...healthy, dead], slots, Date.now()))
    await settleAll(store)
    const sweepMs = round % sweepEvery === 0 ? await timed(() => sweep(store)) : undefined
    const commitMs = await timed(() => commitOneRow(store))
    if (round < 0) continue
    claimed.push(claimMs)
    committed.push(commitMs)
    if (sweepMs !== undefined) swept.push(sweepMs)
  }
  return {
    claimMs: percentilesOf(claimed),
    sweepMs: percentilesOf(swept),
    commitMs: percentilesOf(committed),
  }
}

function freshSignOut(round: number): WrittenSignOut {
  const id = `so_claims_${Date.now()}_${round}`
  const clients = healthyIds.map((clientId) => ({ clientId, address: 'http://127.0.0.1:700/' }))
  return { id, realmId: 'bench', sessionUid: id, clients, dueAt: Date.now() }
}

/** What is leased counts against its endpoint, so it is settled before the next round; not part of the times. */
async function settleAll(store: Store): Promise<void> {
  const settled = { state: 'accepted', lease_until: null, lease_owner: null, settled_at: Date.now() }
  await store.transact(async (tx) => {
    await tx.db.updateTable('delivery').set(settled).where(isLeased).execute()
  })
}

async function sweep(store: Store): Promise<void> {
  const at = Date.now()
  await takeBackExpiredLeases(store, at)
  await findDueEndpoints(store.read, '', 200)
  await endAtHorizon(store, at)
  await findOverdueEndpoints(store.read, at)
}

async function commitOneRow(store: Store): Promise<void> {
  const row = { id_hash: 'bench', realm_id: null, purpose: 'bench', payload: '', used_at: null }
  await store.transact(async (tx) => {
    const written = { ...row, expires_at: Date.now() }
    const merge = tx.db.insertInto('handle').values(written)
    tx.withCommit(merge.onConflict((on) => on.column('id_hash').doUpdateSet(written)).execute())
  })
}

async function timed(run: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now()
  await run()
  return performance.now() - startedAt
}
