/** Healthy endpoints whose oldest due row has waited too long: something is wrong with us, not with them (D15). */
import { sql } from 'kysely'
import type { Instant } from '../ambient/clock.ts'
import type { Queryable } from '../store/store.ts'

export const overdueMs = 60_000
const endpointCountMax = 100

export interface OverdueEndpoint {
  readonly endpointId: string
  readonly waitingSeconds: number
}

/**
 * At most 100, any of them. Waiting is counted from the due time: a row that waits for its schedule is not late. One
 * whose breaker has closed catches up with what waited for it, which is no fault of ours (D9).
 */
export async function findOverdueEndpoints(on: Queryable, at: Instant): Promise<readonly OverdueEndpoint[]> {
  const oldest = (priority: 0 | 1) => sql`(
    select d.due_at from delivery d
    where d.endpoint_id = e.id and d.state = 'pending' and d.priority = ${sql.lit(priority)}
    order by d.due_at limit 1)`
  const { rows } = await sql<{ id: string; high: number | null; low: number | null }>`
    select id, high, low from (
      select e.id, ${oldest(0)} as high, ${oldest(1)} as low from endpoint e
      where e.failure_count = 0 and e.open_until is null and e.recovered_at is null) as healthy
    where high < ${at - overdueMs} or low < ${at - overdueMs} limit ${endpointCountMax}`.execute(on.db)
  return rows.map(({ id, high, low }) => ({
    endpointId: id,
    waitingSeconds: Math.round((at - Math.min(high ?? Infinity, low ?? Infinity)) / 1000),
  }))
}
