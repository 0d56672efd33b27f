/** Who works on this database: a heartbeat for each process, so that a breaking migration waits for the old code. */
import type { Instant } from '../ambient/clock.ts'
import type { Store, Tx } from './store.ts'

/** Rows of processes that have been silent for longer are removed. */
const forgottenMs = 10 * 60_000

/** Writes the heartbeat of this process. Returns false: there is never more to do at once. */
export async function beat(store: Store, processId: string, at: Instant): Promise<boolean> {
  await store.transact(async (tx) => {
    await noteProcess(tx, processId, at)
    await tx.db
      .deleteFrom('process')
      .where('seen_at', '<', at - forgottenMs)
      .execute()
  })
  return false
}

/** From this commit on a breaking migration waits for the process. */
export async function noteProcess(tx: Pick<Tx, 'db'>, processId: string, at: Instant): Promise<void> {
  await tx.db
    .insertInto('process')
    .values({ id: processId, schema_version: 1, started_at: at, seen_at: at })
    .onConflict((conflict) => conflict.column('id').doUpdateSet({ seen_at: at }))
    .execute()
}

/** A process that stops in order does not keep a migration waiting. */
export async function endProcess(store: Store, processId: string): Promise<void> {
  await store.transact(async (tx) => {
    await tx.db.deleteFrom('process').where('id', '=', processId).execute()
  })
}
