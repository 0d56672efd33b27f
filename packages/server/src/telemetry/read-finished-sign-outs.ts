/** Of these sign-outs, those of which every delivery has its verdict: which was the last, and how long it took. */
import { sql } from 'kysely'
import { isOneOf } from '../store/bulk-rows.ts'
import type { Queryable } from '../store/store.ts'

export interface FinishedSignOut {
  /** The later one by time and then by id. */
  readonly lastDeliveryId: string
  /** From the first delivery's row to the last verdict. */
  readonly durationMs: number
}

/** By their ids. Replays are left out: they are decided by somebody else, later. */
export async function readFinishedSignOuts(
  on: Queryable,
  signOutIds: readonly string[],
): Promise<ReadonlyMap<string, FinishedSignOut>> {
  const { rows } = await sql<FinishedRow>`
    select sign_out_id, id, settled_at, first_at from (
      select d.sign_out_id, d.id, d.settled_at,
        min(d.created_at) over (partition by d.sign_out_id) as first_at,
        count(*) over (partition by d.sign_out_id) as all_count,
        count(d.settled_at) over (partition by d.sign_out_id) as settled_count,
        row_number() over (partition by d.sign_out_id order by coalesce(d.settled_at, 0) desc, d.id desc) as place
      from delivery d join sign_out s on s.id = d.sign_out_id
      where ${isOneOf(on, 'd.sign_out_id', signOutIds)} and d.generation = 1 and s.completed_at is not null
    ) as told where place = 1 and settled_count = all_count`.execute(on.db)
  return new Map(
    rows.map((row) => [
      row.sign_out_id,
      { lastDeliveryId: row.id, durationMs: Number(row.settled_at) - Number(row.first_at) },
    ]),
  )
}

interface FinishedRow {
  readonly sign_out_id: string
  readonly id: string
  readonly settled_at: number
  readonly first_at: number
}
