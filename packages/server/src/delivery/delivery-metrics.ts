/** What the outbox's rows say about its health (D15): read when the metrics are asked for, bounded in cost. */
import { sql } from 'kysely'
import type { Instant } from '../ambient/clock.ts'
import type { Queryable } from '../store/store.ts'

/** Waiting rows of one endpoint are counted to here: beyond it the exact figure changes nothing. */
export const pendingCountMax = 10_000
/** More of them would make each reading a long one; the age of the oldest row is of all. */
const endpointCountMax = 2000

export interface DeliveryMetrics {
  /** Age of the oldest pending row, for each realm that has one. */
  readonly oldestPending: readonly { readonly realmName: string; readonly ageSeconds: number }[]
  /** The 2,000 endpoints with the lowest ids that are known. */
  readonly endpoints: readonly EndpointMetrics[]
}

export interface EndpointMetrics {
  readonly endpointId: string
  readonly realmName: string
  readonly clientId: string
  readonly channel: string
  /** Counted to 10,000. */
  readonly pendingCount: number
  /** Rows that ended without `accepted`, within their retention; counted to 10,000. */
  readonly untoldCount: number
  readonly isPaused: boolean
  readonly failureCount: number
  readonly isGone: boolean
  readonly p95Ms: number | undefined
  readonly lastSuccessAt: Instant | undefined
}

export async function readDeliveryMetrics(on: Queryable, at: Instant): Promise<DeliveryMetrics> {
  return { oldestPending: await readOldestPending(on, at), endpoints: await readEndpoints(on, at) }
}

async function readOldestPending(on: Queryable, at: Instant): Promise<DeliveryMetrics['oldestPending']> {
  const { rows } = await sql<{ name: string; created_at: number | null }>`
    select r.name, (select d.created_at from delivery d where d.realm_id = r.id and d.state = 'pending'
      order by d.created_at limit 1) as created_at
    from realm r where r.deleted_at is null`.execute(on.db)
  return rows.flatMap(({ name, created_at }) =>
    created_at === null ? [] : [{ realmName: name, ageSeconds: Math.max(0, (at - created_at) / 1000) }],
  )
}

async function readEndpoints(on: Queryable, at: Instant): Promise<readonly EndpointMetrics[]> {
  const { rows } = await sql<EndpointCounts>`
    select e.*, coalesce(r.name, e.realm_id) as realm_name,
      (select count(*) from (select 1 from delivery d where d.endpoint_id = e.id and d.state = 'pending'
        limit ${pendingCountMax}) as p) as pending_count,
      (select count(*) from (select 1 from delivery d where d.realm_id = e.realm_id and d.client_id = e.client_id
        and d.channel = e.channel and d.state in ('rejected', 'unconfirmed', 'unreachable', 'blocked')
        limit ${pendingCountMax}) as u) as untold_count
    from endpoint e left join realm r on r.id = e.realm_id order by e.id limit ${endpointCountMax}`.execute(
    on.db,
  )
  return rows.map((row) => ({
    endpointId: row.id,
    realmName: row.realm_name,
    clientId: row.client_id,
    channel: row.channel,
    pendingCount: Number(row.pending_count),
    untoldCount: Number(row.untold_count),
    isPaused: row.open_until !== null && row.open_until > at,
    failureCount: row.failure_count,
    isGone: row.is_gone === 1,
    p95Ms: row.p95_ms ?? undefined,
    lastSuccessAt: row.last_success_at ?? undefined,
  }))
}

interface EndpointCounts {
  readonly id: string
  readonly realm_name: string
  readonly client_id: string
  readonly channel: string
  readonly pending_count: number
  readonly untold_count: number
  readonly open_until: number | null
  readonly failure_count: number
  readonly is_gone: number
  readonly p95_ms: number | null
  readonly last_success_at: number | null
}
