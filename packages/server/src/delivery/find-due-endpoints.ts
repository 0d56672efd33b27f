/** Finds endpoints that have something waiting: by sign-out when a wake-up names it, or page by page (the sweep). */
import { sql } from 'kysely'
import { isOneOf } from '../store/bulk-rows.ts'
import type { Queryable } from '../store/store.ts'
import type { DueEndpoint } from './take-back-leases.ts'

/** The endpoints of these sign-outs with their earliest due time. At most 10,000 rows (D18) per sign-out. */
export async function findEndpointsOfSignOuts(
  on: Queryable,
  signOutIds: readonly string[],
): Promise<readonly DueEndpoint[]> {
  const rows = await on.db
    .selectFrom('delivery')
    .select((e) => ['endpoint_id', e.fn.min('due_at').as('due_at')])
    .where(isOneOf(on, 'sign_out_id', signOutIds))
    .where('state', '=', 'pending')
    .groupBy('endpoint_id')
    .execute()
  return rows.map((row) => ({ endpointId: row.endpoint_id, dueAt: row.due_at }))
}

/**
 * One page of the walk over all endpoints that have pending rows, in the order of their ids, after `afterId`. The
 * walk jumps from endpoint to endpoint in the index, so its cost does not depend on how many rows wait. It is no
 * cursor over rows (T11): an endpoint that is missed is met in the next round.
 */
export async function findDueEndpoints(
  on: Queryable,
  afterId: string,
  count: number,
): Promise<readonly DueEndpoint[]> {
  const first = (priority: 0 | 1) => sql`(
    select due_at from delivery where endpoint_id = walk.id and state = 'pending' and priority = ${sql.lit(priority)}
    order by due_at limit 1)`
  const { rows } = await sql<{
    id: string
    high: number | null
    low: number | null
    open_until: number | null
  }>`
    with recursive walk (id, step) as (
      select (${next(sql`${afterId}`)}), 1
      union all
      select (${next(sql`walk.id`)}), walk.step + 1 from walk where walk.id is not null and walk.step < ${count})
    select id, ${first(0)} as high, ${first(1)} as low from walk where id is not null`.execute(on.db)
  return rows.map(({ id, high, low }) => ({
    endpointId: id,
    dueAt: Math.min(high ?? Infinity, low ?? Infinity),
  }))
}

function next(after: ReturnType<typeof sql>) {
  return sql`select endpoint_id from delivery where state = 'pending' and endpoint_id > ${after}
    order by endpoint_id limit 1`
}
