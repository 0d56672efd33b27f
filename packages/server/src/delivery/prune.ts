/**
 * Drops what is older than its retention: terminal deliveries with their attempts, sign-outs that nothing refers
 * to any more, endpoints of deleted clients (D13, D20). In small transactions, so that nobody waits for it.
 */
import type { Instant } from '../ambient/clock.ts'
import { isOneOf } from '../store/bulk-rows.ts'
import type { Store, Tx } from '../store/store.ts'
import { isLeased, isPending } from './state-condition.ts'

const rowsPerTransaction = 500
const rowsPerCallMax = 100_000
const msPerDay = 86_400_000

export interface PruneDeps {
  readonly store: Store
  /** Terminal rows live so many days, default 30, 1–3650. */
  readonly retentionDays: number
  /** Ended sessions are kept so long, and their sign-outs with them: looking for those earlier would find none. */
  readonly sessionTombstoneMs: number
}

export interface PruneResult {
  readonly deliveryCount: number
  readonly signOutCount: number
  readonly endpointCount: number
  /** There may be more: call it again at once, or a busy server writes more than it drops (I16). */
  readonly hasMore: boolean
}

/** At most `rowCountMax` rows of each kind, default 100,000, to the next 500. */
export async function pruneDeliveries(
  { store, retentionDays, sessionTombstoneMs }: PruneDeps,
  at: Instant,
  rowCountMax = rowsPerCallMax,
): Promise<PruneResult> {
  const retentionMs = retentionDays * msPerDay
  const signOutsBefore = at - Math.max(retentionMs, sessionTombstoneMs)
  const repeat = async (step: (tx: Tx) => Promise<number>): Promise<number> => {
    let total = 0
    for (let count = rowsPerTransaction; count === rowsPerTransaction && total < rowCountMax; total += count)
      count = await store.transact(step)
    return total
  }
  const deliveryCount = await repeat((tx) => deleteDeliveries(tx, at - retentionMs))
  const signOutCount = await repeat((tx) => deleteSignOuts(tx, signOutsBefore))
  const endpointCount = await repeat(deleteEndpoints)
  const hasMore = [deliveryCount, signOutCount, endpointCount].some((count) => count >= rowCountMax)
  return { deliveryCount, signOutCount, endpointCount, hasMore }
}

async function deleteDeliveries(tx: Tx, before: Instant): Promise<number> {
  const rows = await tx.db
    .selectFrom('delivery')
    .select('id')
    .where('settled_at', '<', before)
    .orderBy('settled_at')
    .limit(rowsPerTransaction)
    .execute()
  const ids = rows.map((row) => row.id)
  if (ids.length === 0) return 0
  await tx.db
    .deleteFrom('attempt')
    .where(isOneOf(tx, 'delivery_id', ids))
    .execute()
  await tx.db
    .deleteFrom('delivery')
    .where(isOneOf(tx, 'id', ids))
    .execute()
  return ids.length
}

/** A sign-out is kept while a delivery, a part of it, or a session's tombstone names it: late callers get its id (R6). */
async function deleteSignOuts(tx: Tx, before: Instant): Promise<number> {
  const rows = await tx.db
    .selectFrom('sign_out as s')
    .select('s.id')
    .where('s.committed_at', '<', before)
    .where('s.completed_at', 'is not', null)
    .where((e) =>
      e.not(
        e.or([
          e.exists(e.selectFrom('delivery as d').select('d.id').whereRef('d.sign_out_id', '=', 's.id')),
          e.exists(e.selectFrom('sign_out as p').select('p.id').whereRef('p.parent_id', '=', 's.id')),
          e.exists(e.selectFrom('session as n').select('n.uid').whereRef('n.sign_out_id', '=', 's.id')),
        ]),
      ),
    )
    .limit(rowsPerTransaction)
    .execute()
  const ids = rows.map((row) => row.id)
  if (ids.length > 0)
    await tx.db
      .deleteFrom('sign_out')
      .where(isOneOf(tx, 'id', ids))
      .execute()
  return ids.length
}

/** The address of a deleted client is a tombstone until its last delivery is terminal (D13). */
async function deleteEndpoints(tx: Tx): Promise<number> {
  const orphans = await tx.db
    .selectFrom('endpoint as e')
    .select('e.id')
    .where((e) =>
      e.not(
        e.exists(
          e
            .selectFrom('client as c')
            .select('c.id')
            .whereRef('c.realm_id', '=', 'e.realm_id')
            .whereRef('c.client_id', '=', 'e.client_id')
            .where('c.deleted_at', 'is', null),
        ),
      ),
    )
    .limit(rowsPerTransaction)
    .execute()
  const ids = orphans.map((row) => row.id)
  const inUse = await endpointsInUse(tx, ids)
  const unused = ids.filter((id) => !inUse.has(id))
  if (unused.length > 0)
    await tx.db
      .deleteFrom('endpoint')
      .where(isOneOf(tx, 'id', unused))
      .execute()
  return unused.length
}

async function endpointsInUse(tx: Tx, ids: readonly string[]): Promise<ReadonlySet<string>> {
  if (ids.length === 0) return new Set()
  const rows = await tx.db
    .selectFrom('delivery')
    .select('endpoint_id')
    .distinct()
    .where(isOneOf(tx, 'endpoint_id', ids))
    .where((e) => e.or([isPending, isLeased]))
    .execute()
  return new Set(rows.map((row) => row.endpoint_id))
}
