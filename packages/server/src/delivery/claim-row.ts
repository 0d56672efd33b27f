/** What a claim reads of a delivery and of an endpoint, the same on both databases. */
import { type RawBuilder, type Selectable, type SqlBool, sql } from 'kysely'
import type { Instant } from '../ambient/clock.ts'
import type { Channel } from '../rp/client.ts'
import type { DeliveryTable, EndpointTable } from '../store/tables.ts'
import { defaultDeliverySettings, type LeasedDelivery } from './delivery.ts'
import type { EndpointHealth } from './endpoint-health.ts'
import { secondChanceDelayMs } from './retry-schedule.ts'

export const candidateColumns = [
  'id',
  'sign_out_id',
  'realm_id',
  'session_uid',
  'client_id',
  'sid',
  'sub',
  'issuer',
  'channel',
  'generation',
  'endpoint_id',
  'address',
  'priority',
  'due_at',
  'fence',
  'attempt_count',
  'refusal_count',
  'internal_count',
  'had_connection',
  'horizon_at',
  'created_at',
] as const

/** A pending delivery that is due at an endpoint, and how many of that endpoint's rows are leased already. */
export type Candidate = Pick<Selectable<DeliveryTable>, (typeof candidateColumns)[number]> & {
  readonly leased_count: number
}

export type EndpointRow = Selectable<EndpointTable>

/** A wait of at most this after a "no" is its second chance: 60 s, counted from the end of a try that a lease bounds. */
const secondChanceWaitMsMax = secondChanceDelayMs + defaultDeliverySettings.leaseMs

/**
 * Of an endpoint whose breaker has closed: what is due, and what was last tried before it closed (D8). A "no" keeps its
 * minute, which a key cache or a clock needs (SR-18); above all that of the probe itself.
 */
export function isDueAfter(recoveredAt: Instant, at: Instant): RawBuilder<SqlBool> {
  return sql<SqlBool>`(d.due_at <= ${at} or (d.tried_at < ${recoveredAt}
    and (d.refusal_count = 0 or d.due_at - d.tried_at > ${secondChanceWaitMsMax})))`
}

/** The endpoints that this claim holds the locks of, and the clock that leases are measured by. */
export interface LockedEndpoints {
  readonly rows: readonly EndpointRow[]
  readonly leaseClock: Instant
}

export function healthFromRow(row: EndpointRow): EndpointHealth {
  return {
    failureCount: row.failure_count,
    openedCount: row.opened_count,
    openUntil: row.open_until,
    recoveredAt: row.recovered_at,
    rampLimit: row.ramp_limit,
    rampSuccessCount: row.ramp_success_count,
    pacedUntil: row.paced_until,
    isGone: row.is_gone === 1,
  }
}

/** The candidate as its worker holds it: one fence further, one try more. */
export function leasedFromCandidate(row: Candidate, at: Instant): LeasedDelivery {
  return {
    subject: {
      deliveryId: row.id,
      signOutId: row.sign_out_id,
      realmId: row.realm_id,
      clientId: row.client_id,
      sessionUid: row.session_uid,
      sid: row.sid,
      sub: row.sub,
      issuer: row.issuer,
      channel: row.channel as Channel,
      endpointId: row.endpoint_id,
      address: row.address,
    },
    priority: row.priority === 0 ? 'high' : 'low',
    generation: row.generation,
    fence: row.fence + 1,
    tried: {
      tryCount: row.attempt_count + 1,
      refusalCount: row.refusal_count,
      internalCount: row.internal_count,
      hadConnection: row.had_connection === 1,
      dueAt: row.due_at,
      horizonAt: row.horizon_at,
      createdAt: row.created_at,
    },
    leasedAt: at,
  }
}
