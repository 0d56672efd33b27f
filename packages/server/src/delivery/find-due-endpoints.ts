/** Finds endpoints that have something waiting: by sign-out when a wake-up names it, or page by page (the sweep). */
import { sql } from 'kysely'
import type { Instant } from '../ambient/clock.ts'
import { isOneOf } from '../store/bulk-rows.ts'
import type { Due, Queryable } from '../store/store.ts'

/** The endpoints of these sign-outs with their earliest due time. A sign-out has a row for each of its applications. */
export async function findEndpointsOfSignOuts(
  on: Queryable,
  signOutIds: readonly string[],
): Promise<readonly Due[]> {
  const rows = await on.db
    .selectFrom('delivery')
    .select((e) => ['endpoint_id', e.fn.min('due_at').as('due_at')])
    .where(isOneOf(on, 'sign_out_id', signOutIds))
    // not the state: that would tempt PostgreSQL to walk an index of everything that waits
    .where('settled_at', 'is', null)
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
): Promise<readonly WalkedEndpoint[]> {
  const first = (priority: 0 | 1) => sql`(
    select due_at from delivery where endpoint_id = walk.id and state = 'pending' and priority = ${sql.lit(priority)}
    order by due_at limit 1)`
  const { rows } = await sql<WalkRow>`
    with recursive walk (id, step) as (
      select (${next(sql`${afterId}`)}), 1
      union all
      select (${next(sql`walk.id`)}), walk.step + 1 from walk where walk.id is not null and walk.step < ${count})
    select walk.id, e.id as known_id, e.channel, ${first(0)} as high, ${first(1)} as low, e.open_until, e.recovered_at
    from walk left join endpoint e on e.id = walk.id where walk.id is not null order by walk.step`.execute(
    on.db,
  )
  return rows.map((row) => ({
    endpointId: row.id,
    dueAt: dueAtOf(row),
    channel: row.channel ?? undefined,
    ...(row.known_id === null ? { isMissing: true as const } : {}),
  }))
}

export interface WalkedEndpoint extends Due {
  readonly channel: string | undefined
  /** It has deliveries and no row of its own: nothing of it can be claimed (`restoreEndpoints`). */
  readonly isMissing?: true
}

interface WalkRow {
  readonly id: string
  readonly known_id: string | null
  readonly channel: string | null
  readonly high: number | null
  readonly low: number | null
  readonly open_until: number | null
  readonly recovered_at: number | null
}

/** A paused endpoint is not asked before its probe; one that has recovered is asked for what is due later, too. */
function dueAtOf({ high, low, open_until, recovered_at }: WalkRow): Instant {
  if (recovered_at !== null) return recovered_at
  return Math.max(Math.min(high ?? Infinity, low ?? Infinity), open_until ?? 0)
}

function next(after: ReturnType<typeof sql>) {
  return sql`select endpoint_id from delivery where state = 'pending' and endpoint_id > ${after}
    order by endpoint_id limit 1`
}
