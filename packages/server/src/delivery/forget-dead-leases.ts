/**
 * At the start: leases whose holder is known to be dead are ended, so that nobody has to wait for them to run out. On
 * the embedded database the lock of its folder proves it of every lease, on PostgreSQL the lock of this process's name
 * of those that were taken under the same name.
 */
import type { Instant } from '../ambient/clock.ts'
import type { Store } from '../store/store.ts'
import type { WorkerName } from '../store/worker-name.ts'
import { isLeased } from './state-condition.ts'

/** Ends these leases now; the sweep takes the rows back as it takes back any lease that has run out (D4). */
export async function forgetDeadLeases(
  store: Store,
  { name, isHeld }: Omit<WorkerName, keyof Disposable>,
  at: Instant,
): Promise<void> {
  if (store.dialect === 'postgres' && !isHeld) return
  await store.transact(async (tx) => {
    const ended = tx.db
      .updateTable('delivery')
      .set({ lease_until: at - 1 })
      .where(isLeased)
    await (store.dialect === 'sqlite' ? ended : ended.where('lease_owner', '=', name)).execute()
  })
}
