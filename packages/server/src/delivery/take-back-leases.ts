/**
 * Takes back the leases that have run out: their worker died, froze or lost the database (D4). The attempt stays
 * "started, unknown", which is the truth, and counts as a try that could have reached the application.
 */
import type { Instant } from '../ambient/clock.ts'
import { isOneOf } from '../store/bulk-rows.ts'
import type { Due, Store, Tx } from '../store/store.ts'
import { lockExpiredLeasesOnPostgres } from './claim-postgres.ts'
import { lockExpiredLeasesOnSqlite } from './claim-sqlite.ts'
import { isLeased } from './state-condition.ts'

/** Rows of one call; a dead process has held at most its slots. */
const leaseCountMax = 1000

/** Makes the rows pending again, due as before. Returns one entry per row. */
export async function takeBackExpiredLeases(store: Store, at: Instant): Promise<readonly Due[]> {
  if (!(await hasExpired(store))) return []
  return store.transact(async (tx) => {
    const ids = await lockExpired(tx, at)
    if (ids.length === 0) return []
    const rows = await tx.db
      .updateTable('delivery')
      .set({ state: 'pending', lease_until: null, lease_owner: null, had_connection: 1 })
      .where(isOneOf(tx, 'id', ids))
      .where('state', '=', 'leased')
      .returning(['endpoint_id', 'due_at', 'sign_out_id'])
      .execute()
    for (const id of new Set(rows.map((row) => row.sign_out_id))) tx.notify('settled', id)
    return rows.map((row) => ({ endpointId: row.endpoint_id, dueAt: row.due_at }))
  })
}

/** A read before the write, so that a quiet server does not commit once a second. */
async function hasExpired(store: Store): Promise<boolean> {
  const row = await store.read.db
    .selectFrom('delivery')
    .select('id')
    .where(isLeased)
    .limit(1)
    .executeTakeFirst()
  return row !== undefined
}

function lockExpired(tx: Tx, at: Instant): Promise<readonly string[]> {
  return tx.dialect === 'sqlite'
    ? lockExpiredLeasesOnSqlite(tx, leaseCountMax, at)
    : lockExpiredLeasesOnPostgres(tx, leaseCountMax)
}
