/**
 * The claim's queries on SQLite. The claim is one transaction of the single writer, which is the lock (D3), and
 * the process's clock is the only one.
 */
import { sql } from 'kysely'
import type { Instant } from '../ambient/clock.ts'
import { isOneOf } from '../store/bulk-rows.ts'
import type { Tx } from '../store/store.ts'
import { type Candidate, candidateColumns, isDueAfter, type LockedEndpoints } from './claim-row.ts'
import { isLeased } from './state-condition.ts'

export async function lockEndpointsOnSqlite(
  tx: Tx,
  ids: readonly string[],
  at: Instant,
): Promise<LockedEndpoints> {
  const rows = await tx.db
    .selectFrom('endpoint')
    .selectAll()
    .where(isOneOf(tx, 'id', ids))
    .execute()
  return { rows, leaseClock: at }
}

/** The oldest due rows of each endpoint, at most `limit` in each class. */
export async function readCandidatesOnSqlite(
  tx: Tx,
  endpointIds: readonly string[],
  limit: number,
  at: Instant,
): Promise<readonly Candidate[]> {
  const due = (priority: 0 | 1) => sql`
    select ${columns}, ${leasedCount(sql`e.value`)} as leased_count from json_each(${JSON.stringify(endpointIds)}) e
    join delivery d on d.rowid in (
      select p.rowid from delivery p
      where p.endpoint_id = e.value and p.state = 'pending' and p.priority = ${sql.lit(priority)} and p.due_at <= ${at}
        and ${notInFlight(sql`p`)}
      order by p.due_at, p.id limit ${limit})`
  const { rows } = await sql<Candidate>`${due(0)} union all ${due(1)}`.execute(tx.db)
  return rows
}

/** Rows of an endpoint whose breaker has closed: those that are due, and those last tried before it closed (D8). */
export async function readRecoveringOnSqlite(
  tx: Tx,
  endpointId: string,
  recoveredAt: Instant,
  limit: number,
  at: Instant,
): Promise<readonly Candidate[]> {
  const { rows } = await sql<Candidate>`
    select ${columns}, ${leasedCount(sql`${endpointId}`)} as leased_count from delivery d
    where d.endpoint_id = ${endpointId} and d.state = 'pending'
      and ${isDueAfter(recoveredAt, at)}
      and ${notInFlight(sql`d`)}
    order by d.priority, d.due_at, d.id limit ${limit}`.execute(tx.db)
  return rows
}

/** Leased rows whose worker has lost them (D4). */
export async function lockExpiredLeasesOnSqlite(
  tx: Tx,
  limit: number,
  at: Instant,
): Promise<readonly string[]> {
  const rows = await tx.db
    .selectFrom('delivery')
    .select('id')
    .where(isLeased)
    .where('lease_until', '<', at)
    .orderBy('lease_until')
    .limit(limit)
    .execute()
  return rows.map((row) => row.id)
}

const columns = sql.join(candidateColumns.map((column) => sql.ref(`d.${column}`)))

function leasedCount(endpointId: ReturnType<typeof sql>) {
  return sql`(select count(*) from delivery l where l.endpoint_id = ${endpointId} and l.state = 'leased')`
}

/** D11, also across channels and generations. */
function notInFlight(row: ReturnType<typeof sql>) {
  return sql`not exists (select 1 from delivery f where f.state = 'leased'
    and f.realm_id = ${row}.realm_id and f.client_id = ${row}.client_id and f.sid = ${row}.sid)`
}
