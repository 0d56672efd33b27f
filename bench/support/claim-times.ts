/** What one claim, and the looks of the sweep, cost beside rows that wait: through the product's own functions. */
import { systemAmbient } from '../../packages/server/src/ambient/ambient.ts'
import { claimDeliveries } from '../../packages/server/src/delivery/claim.ts'
import { defaultDeliverySettings, endpointIdOf } from '../../packages/server/src/delivery/delivery.ts'
import { endAtHorizon } from '../../packages/server/src/delivery/end-at-horizon.ts'
import { enqueueDeliveries } from '../../packages/server/src/delivery/enqueue.ts'
import { findDueEndpoints } from '../../packages/server/src/delivery/find-due-endpoints.ts'
import { findOverdueEndpoints } from '../../packages/server/src/delivery/overdue-endpoints.ts'
import { isLeased } from '../../packages/server/src/delivery/state-condition.ts'
import { takeBackExpiredLeases } from '../../packages/server/src/delivery/take-back-leases.ts'
import type { Channel } from '../../packages/server/src/rp/client.ts'
import { openStore, type Store, type StoreSettings } from '../../packages/server/src/store/store.ts'

export interface ClaimTimes {
  readonly claimMs: Percentiles
  readonly sweepMs: Percentiles
}

interface Percentiles {
  readonly p50: number
  readonly p99: number
}

const roundCount = 1000
/** Statements are compiled, and pages read, in the first rounds; a server that has run for a second has done so. */
const warmUpCount = 100
const sweepEvery = 10
/** Endpoints asked in one claim, each with one row that has just been written. */
const healthyCount = 10
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
  const healthy = Array.from({ length: healthyCount }, (_, index) =>
    endpointIdOf('bench', `healthy-${index}`, 'oidc-back-channel'),
  )
  const claimed: number[] = []
  const swept: number[] = []
  for (let round = -warmUpCount; round < roundCount; round++) {
    await writeSignOut(store, round)
    const dead = deadEndpointIds[(round + warmUpCount) % deadEndpointIds.length] as string
    const claimMs = await timed(() => claimDeliveries(deps, [...healthy, dead], slots, Date.now()))
    await settleAll(store)
    const sweepMs = round % sweepEvery === 0 ? await timed(() => sweep(store)) : undefined
    if (round < 0) continue
    claimed.push(claimMs)
    if (sweepMs !== undefined) swept.push(sweepMs)
  }
  return { claimMs: percentilesOf(claimed), sweepMs: percentilesOf(swept) }
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

async function timed(run: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now()
  await run()
  return performance.now() - startedAt
}

function percentilesOf(times: number[]): Percentiles {
  const sorted = times.toSorted((a, b) => a - b)
  const at = (share: number): number =>
    sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0
  return { p50: at(0.5), p99: at(0.99) }
}

async function writeSignOut(store: Store, round: number): Promise<void> {
  const at = Date.now()
  const id = `so_claims_${at}_${round}`
  await store.transact(async (tx) => {
    await tx.db
      .insertInto('sign_out')
      .values({
        id,
        realm_id: 'bench',
        scope: 'session',
        kind: 'ordinary',
        cause: 'rp_initiated',
        initiator: 'user',
        actor_account_id: null,
        actor_client_id: null,
        actor_ip_address: null,
        session_uid: id,
        account_id: 'alice',
        parent_id: null,
        application_count: healthyCount,
        committed_at: at,
        completed_at: at,
      })
      .execute()
    const deliveries = Array.from({ length: healthyCount }, (_, index) => ({
      signOutId: id,
      realmId: 'bench',
      sessionUid: id,
      clientId: `healthy-${index}`,
      sid: `${id}-${index}`,
      sub: 'alice',
      issuer: 'http://localhost/realms/bench',
      channel: 'oidc-back-channel' as const,
      address: 'http://127.0.0.1:2/',
      priority: 'high' as const,
      dueAt: at,
      horizonAt: at + 72 * 3_600_000,
    }))
    enqueueDeliveries(tx, systemAmbient(), deliveries, at)
  })
}
