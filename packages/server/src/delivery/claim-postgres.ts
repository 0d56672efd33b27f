/**
 * The claim's queries on PostgreSQL. Several processes claim at once: the endpoint's row is the lock under which
 * its leased rows are counted, so the limit per endpoint is exact over all of them, and nobody waits
 * (`skip locked`). Leases are measured by the database's clock, because the processes' clocks differ (R18).
 */
import { sql } from 'kysely'
import type { Instant } from '../ambient/clock.ts'
import type { Tx } from '../store/store.ts'
import {
  type Candidate,
  candidateColumns,
  type EndpointRow,
  isDueAfter,
  type LockedEndpoints,
} from './claim-row.ts'
import { isLeased } from './state-condition.ts'

const databaseClock = sql<number>`(extract(epoch from clock_timestamp()) * 1000)::bigint`

/** Locks those of the endpoints that no other claim or settlement holds. */
export async function lockEndpointsOnPostgres(
  tx: Tx,
  ids: readonly string[],
  at: Instant,
): Promise<LockedEndpoints> {
  const { rows } = await sql<EndpointRow & { lease_clock: number }>`
    select e.*, ${databaseClock} as lease_clock from endpoint e
    where e.id = any(${ids}::text[]) for update skip locked`.execute(tx.db)
  return { rows, leaseClock: rows[0]?.lease_clock ?? at }
}

/**
 * The oldest due rows of each endpoint, at most `limit` in each class. A statement of its own after the lock: its
 * snapshot sees what the last holder of the lock committed.
 */
export async function readCandidatesOnPostgres(
  tx: Tx,
  endpointIds: readonly string[],
  limit: number,
  at: Instant,
): Promise<readonly Candidate[]> {
  const due = (priority: 0 | 1) => sql`(
    select ${columns} from delivery d
    where d.endpoint_id = e.id and d.state = 'pending' and d.priority = ${sql.lit(priority)} and d.due_at <= ${at}
      and ${notInFlight}
    order by d.due_at, d.id limit ${limit} for update of d skip locked)`
  const { rows } = await sql<Candidate>`
    with asked as materialized (
      select a.id, (select count(*) from delivery l where l.endpoint_id = a.id and l.state = 'leased') as leased_count
      from unnest(${endpointIds}::text[]) as a (id))
    select c.*, e.leased_count from asked e cross join lateral ${due(0)} c
    union all
    select c.*, e.leased_count from asked e cross join lateral ${due(1)} c`.execute(tx.db)
  return rows
}

/** Rows of an endpoint whose breaker has closed: those that are due, and those last tried before it closed (D8). */
export async function readRecoveringOnPostgres(
  tx: Tx,
  endpointId: string,
  recoveredAt: Instant,
  limit: number,
  at: Instant,
): Promise<readonly Candidate[]> {
  const { rows } = await sql<Candidate>`
    select ${columns}, (select count(*) from delivery l where l.endpoint_id = ${endpointId} and l.state = 'leased')
      as leased_count
    from delivery d
    where d.endpoint_id = ${endpointId} and d.state = 'pending' and ${isDueAfter(recoveredAt, at)}
      and ${notInFlight}
    order by d.priority, d.due_at, d.id limit ${limit} for update of d skip locked`.execute(tx.db)
  return rows
}

/** Leased rows whose worker has lost them (D4); locked, so that only one process takes them back. */
export async function lockExpiredLeasesOnPostgres(tx: Tx, limit: number): Promise<readonly string[]> {
  const { rows } = await sql<{ id: string }>`
    select id from delivery where ${isLeased} and lease_until < ${databaseClock}
    order by lease_until limit ${limit} for update skip locked`.execute(tx.db)
  return rows.map((row) => row.id)
}

const columns = sql.join(candidateColumns.map((column) => sql.ref(`d.${column}`)))

/**
 * D11, also across channels and generations. Not as `not exists`, which PostgreSQL may turn into a walk over all that
 * is in flight, once per candidate.
 */
const notInFlight = sql`(select f.id from delivery f where f.state = 'leased'
  and f.realm_id = d.realm_id and f.client_id = d.client_id and f.sid = d.sid) is null`
