/**
 * Writes a group of outcomes in one transaction: the deliveries under their fences, the attempts as evidence, the
 * endpoints' health (D4, D5, D8). One commit for many outcomes is what makes a thousand deliveries a second
 * possible.
 */
import type { Instant } from '../ambient/clock.ts'
import { inOrder } from '../ambient/in-order.ts'
import { isOneOf, updateRows } from '../store/bulk-rows.ts'
import { type Tx, withLock } from '../store/store.ts'
import { type EndpointRow, healthFromRow } from './claim-row.ts'
import { type DeliverySettings, isTerminal, type SettledDelivery } from './delivery.ts'
import { type EndpointHealth, healthAfter, isAtRest } from './endpoint-health.ts'

export interface StoreSettlementsDeps {
  readonly settings: DeliverySettings
  /** 95th percentile of the time that an endpoint's answers took lately, in ms. */
  p95MsOf(endpointId: string): number | undefined
}

export interface StoredSettlements {
  readonly stored: readonly SettledDelivery[]
  /** Outcomes whose lease had been taken over: not written (I7). */
  readonly refusedByFence: readonly SettledDelivery[]
  /** Health of the endpoints that were written. */
  readonly health: ReadonlyMap<string, EndpointHealth>
}

/** A healthy endpoint's last success is written at most this often: the figure is for people. */
const lastSuccessResolutionMs = 2000

/** Run inside a transaction; may run twice on PostgreSQL. */
export async function storeSettlements(
  deps: StoreSettlementsDeps,
  tx: Tx,
  settled: readonly SettledDelivery[],
  at: Instant,
): Promise<StoredSettlements> {
  const newest = newestFences(settled)
  const [matched, endpoints] = await inOrder([
    updateRows(tx, 'delivery', deliveryUpdate, settled.map(deliveryChange)),
    readEndpoints(tx, endpointIdsOf(settled)),
  ])
  const isCurrent = ({ tried: { leased } }: SettledDelivery): boolean =>
    matched.has(leased.subject.deliveryId) && leased.fence === newest.get(leased.subject.deliveryId)
  const stored = settled.filter(isCurrent)
  tx.withCommit(updateRows(tx, 'attempt', attemptUpdate, stored.map(attemptChange)))
  const health = await updateEndpoints(deps, tx, { stored, endpoints }, at)
  for (const id of new Set(stored.map(({ tried }) => tried.leased.subject.signOutId)))
    tx.notify('settled', id)
  return { stored, refusedByFence: settled.filter((one) => !isCurrent(one)), health }
}

/**
 * A process that was frozen beyond its lease can bring the late outcome and the one of its next try together; the
 * row that matched has the higher fence (I7).
 */
function newestFences(settled: readonly SettledDelivery[]): ReadonlyMap<string, number> {
  const fences = new Map<string, number>()
  for (const { tried } of settled) {
    const { fence, subject } = tried.leased
    fences.set(subject.deliveryId, Math.max(fence, fences.get(subject.deliveryId) ?? 0))
  }
  return fences
}

const deliveryUpdate = {
  key: 'id',
  match: ['fence'],
  // the same as state = 'leased' by a constraint
  present: 'lease_until',
  set: [
    'state',
    'detail',
    'reason',
    'due_at',
    'lease_until',
    'lease_owner',
    'attempt_count',
    'refusal_count',
    'internal_count',
    'had_connection',
    'settled_at',
  ],
}

function deliveryChange({ tried: { leased }, settlement, settledAt }: SettledDelivery) {
  return {
    id: leased.subject.deliveryId,
    fence: leased.fence,
    state: settlement.state,
    detail: settlement.detail,
    reason: settlement.reason,
    due_at: settlement.dueAt,
    lease_until: null,
    lease_owner: null,
    attempt_count: settlement.tryCount,
    refusal_count: settlement.refusalCount,
    internal_count: settlement.internalCount,
    had_connection: settlement.hadConnection ? 1 : 0,
    settled_at: isTerminal(settlement.state) ? settledAt : null,
  }
}

const attemptUpdate = {
  key: 'delivery_id',
  match: ['number'],
  set: [
    'finished_at',
    'outcome',
    'status',
    'reason',
    'detail',
    'duration_ms',
    'address',
    'jti',
    'kid',
    'token_hash',
    'certificate',
    'answer',
  ],
}

function attemptChange({ tried, settlement: { attempt }, settledAt }: SettledDelivery) {
  return {
    delivery_id: tried.leased.subject.deliveryId,
    number: tried.leased.fence,
    finished_at: settledAt,
    outcome: attempt.outcome,
    status: attempt.status,
    reason: attempt.reason,
    detail: attempt.detail,
    duration_ms: attempt.durationMs === null ? null : Math.round(attempt.durationMs),
    address: tried.address,
    jti: tried.evidence?.jti ?? null,
    kid: tried.evidence?.kid ?? null,
    token_hash: tried.evidence?.tokenHash ?? null,
    certificate: attempt.certificate,
    answer: attempt.answer,
  }
}

interface EndpointTries {
  readonly stored: readonly SettledDelivery[]
  readonly endpoints: readonly EndpointRow[]
}

async function updateEndpoints(
  deps: StoreSettlementsDeps,
  tx: Tx,
  { stored, endpoints }: EndpointTries,
  at: Instant,
): Promise<ReadonlyMap<string, EndpointHealth>> {
  const tries = Map.groupBy(
    stored.filter(({ settlement }) => settlement.endpointSign !== 'none'),
    ({ tried }) => tried.leased.subject.endpointId,
  )
  const ids = endpointsToWrite(tries, endpoints, at)
  if (ids.length === 0) return new Map()
  const changed = (await lockEndpoints(tx, ids)).map((row) => {
    const own = tries.get(row.id) as readonly SettledDelivery[]
    const health = own.reduce(
      (known, { settlement }) => healthAfter(known, settlement.endpointSign, deps.settings, at),
      healthFromRow(row),
    )
    return { row, own, health }
  })
  const changes = changed.map(({ row, own, health }) => endpointChange(deps, row, own, health, at))
  tx.withCommit(updateRows(tx, 'endpoint', endpointUpdate, changes))
  return new Map(changed.map(({ row, health }) => [row.id, health]))
}

/** Healthy endpoints that answered again need no write: the common case costs one read. */
function endpointsToWrite(
  tries: ReadonlyMap<string, readonly SettledDelivery[]>,
  endpoints: readonly EndpointRow[],
  at: Instant,
): readonly string[] {
  return endpoints
    .filter((row) => {
      const own = tries.get(row.id)
      if (!own) return false
      const isAllAccepted = own.every(({ settlement }) => settlement.endpointSign === 'accepted')
      const isFresh = row.last_success_at !== null && row.last_success_at > at - lastSuccessResolutionMs
      return !(isAllAccepted && isFresh && isAtRest(healthFromRow(row)))
    })
    .map((row) => row.id)
}

function endpointIdsOf(settled: readonly SettledDelivery[]): readonly string[] {
  const counting = settled.filter(({ settlement }) => settlement.endpointSign !== 'none')
  return [...new Set(counting.map(({ tried }) => tried.leased.subject.endpointId))]
}

async function readEndpoints(tx: Tx, ids: readonly string[]): Promise<readonly EndpointRow[]> {
  if (ids.length === 0) return []
  return await selectEndpoints(tx, ids).execute()
}

/** In the order of their ids, so that two settlements cannot wait for each other. */
function lockEndpoints(tx: Tx, ids: readonly string[]): Promise<readonly EndpointRow[]> {
  return withLock(tx, selectEndpoints(tx, ids).orderBy('id'), 'for no key update').execute()
}

function selectEndpoints(tx: Tx, ids: readonly string[]) {
  return tx.db
    .selectFrom('endpoint')
    .selectAll()
    .where(isOneOf(tx, 'id', ids))
}

const endpointUpdate = {
  key: 'id',
  set: [
    'failure_count',
    'opened_count',
    'open_until',
    'recovered_at',
    'ramp_limit',
    'ramp_success_count',
    'is_gone',
    'last_success_at',
    'last_failure_at',
    'last_reason',
    'p95_ms',
  ],
}

function endpointChange(
  deps: StoreSettlementsDeps,
  row: {
    id: string
    last_success_at: number | null
    last_failure_at: number | null
    last_reason: string | null
    p95_ms: number | null
  },
  own: readonly SettledDelivery[],
  health: EndpointHealth,
  at: Instant,
) {
  const isAccepted = own.some(({ settlement }) => settlement.endpointSign === 'accepted')
  const failure = own.findLast(({ settlement }) => settlement.endpointSign !== 'accepted')
  return {
    id: row.id,
    failure_count: health.failureCount,
    opened_count: health.openedCount,
    open_until: health.openUntil,
    recovered_at: health.recoveredAt,
    ramp_limit: health.rampLimit,
    ramp_success_count: health.rampSuccessCount,
    is_gone: health.isGone ? 1 : 0,
    last_success_at: isAccepted ? at : row.last_success_at,
    last_failure_at: failure ? at : row.last_failure_at,
    last_reason: failure ? failure.settlement.reason : row.last_reason,
    p95_ms: deps.p95MsOf(row.id) ?? row.p95_ms,
  }
}
