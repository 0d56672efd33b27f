/**
 * At the start on the embedded database: the lock of its folder proves that whoever holds a lease there is dead,
 * so nobody has to wait for the lease to run out. On PostgreSQL the holder may be alive in another process.
 */
import type { Instant } from '../ambient/clock.ts'
import type { Store } from '../store/store.ts'
import { isLeased } from './state-condition.ts'

/** Ends every lease now; the sweep takes the rows back as it takes back any lease that has run out (D4). */
export async function forgetDeadLeases(store: Store, at: Instant): Promise<void> {
  if (store.dialect === 'postgres') return
  await store.transact(async (tx) => {
    await tx.db
      .updateTable('delivery')
      .set({ lease_until: at - 1 })
      .where(isLeased)
      .execute()
  })
}
