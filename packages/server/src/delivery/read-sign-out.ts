/**
 * One sign-out as everybody sees it: the result page, the account page, the console, the command line and the
 * admin API all read this. One query for the sign-out, its applications and deliveries, one for the attempts; each
 * sees committed rows only, so no view runs ahead of the store (I9).
 */
import { type Selectable, sql } from 'kysely'
import type { Instant } from '../ambient/clock.ts'
import type { Channel } from '../rp/client.ts'
import { isOneOf } from '../store/bulk-rows.ts'
import type { Queryable } from '../store/store.ts'
import type { AttemptTable, SignOutTable } from '../store/tables.ts'
import type { AttemptOutcome, DeliveryPriority } from './delivery.ts'

/** A sign-out of one session has hardly ever more than some hundreds; a wide one is read as far as this. */
export const applicationCountMax = 10_000

export interface SignOutView {
  readonly id: string
  readonly realmId: string
  readonly scope: string
  readonly kind: string
  readonly cause: string
  readonly initiator: string
  readonly actor: {
    readonly accountId: string | undefined
    readonly clientId: string | undefined
    readonly ipAddress: string | undefined
  }
  readonly sessionUid: string | undefined
  readonly accountId: string | undefined
  readonly parentId: string | undefined
  readonly applicationCount: number
  readonly committedAt: Instant
  /** Undefined for a wide sign-out whose deliveries are still being written (D18). */
  readonly completedAt: Instant | undefined
  /** In the order of session and client id. Of all its sessions when the sign-out is over many. */
  readonly applications: readonly ApplicationView[]
  /** True when there are more than 10,000. */
  readonly isTruncated: boolean
}

/** An application of the session. Without a delivery it has no channel, it asked for the sign-out itself, or is owed it. */
export interface ApplicationView {
  readonly clientId: string
  readonly sessionUid: string
  readonly protocol: string | undefined
  /** When its own session ends by itself at the latest, as far as we know. */
  readonly expiresAt: Instant | undefined
  /** True while its deliveries are still to be written: the sign-out is wider than one transaction (D18). */
  readonly isOwed: boolean
  /** Oldest generation first. */
  readonly deliveries: readonly DeliveryView[]
}

export interface DeliveryView {
  readonly id: string
  readonly signOutId: string
  readonly channel: Channel
  readonly generation: number
  /** One of the eight states, or one that a newer version has written (R25). */
  readonly state: string
  readonly detail: string | undefined
  readonly reason: string | undefined
  readonly address: string
  readonly priority: DeliveryPriority
  readonly dueAt: Instant
  readonly horizonAt: Instant
  readonly createdAt: Instant
  readonly settledAt: Instant | undefined
  readonly triedAt: Instant | undefined
  /** Tries so far, the one in flight included. */
  readonly tryCount: number
  /** While the endpoint's breaker is open: until when (may be past: then the probe is due). */
  readonly pausedUntil: Instant | undefined
  readonly replay: { readonly actor: string; readonly reason: string } | undefined
  readonly attempts: readonly AttemptView[]
}

export interface AttemptView {
  readonly number: number
  readonly startedAt: Instant
  readonly finishedAt: Instant | undefined
  /** Undefined: started, and what became of it is not known. */
  readonly outcome: AttemptOutcome | undefined
  readonly status: number | undefined
  readonly reason: string | undefined
  readonly detail: string | undefined
  readonly durationMs: number | undefined
  readonly address: string | undefined
  readonly jti: string | undefined
  readonly kid: string | undefined
  /** SHA-256 of the token, base64url: whoever holds a token can say which try it came from. */
  readonly tokenHash: string | undefined
  /** JSON. */
  readonly certificate: string | undefined
  readonly answer: string | undefined
}

/** The sign-out with everything that belongs to it, or undefined when there is none of this id. */
export async function readSignOut(on: Queryable, signOutId: string): Promise<SignOutView | undefined> {
  const rows = await readRows(on, signOutId)
  const first = rows[0]
  if (!first) return undefined
  const members = rows.filter((row) => row.client_id !== null)
  const deliveryIds = members.flatMap((row) => (row.delivery_id === null ? [] : [row.delivery_id]))
  const attempts = await readAttempts(on, deliveryIds)
  return { ...signOutFromRow(first), ...applicationsFromRows(members, attempts) }
}

/**
 * `part` is the sign-out itself, and the sign-outs of single sessions that it was spread over. A member is owed its
 * deliveries while its session names an open part and the member is not written as ended.
 */
async function readRows(on: Queryable, signOutId: string): Promise<readonly JoinedRow[]> {
  const { rows } = await sql<JoinedRow>`
    with part as (
      select id, session_uid, committed_at, completed_at from sign_out where id = ${signOutId}
      union all
      select id, session_uid, committed_at, completed_at from sign_out where parent_id = ${signOutId}),
    member as (
      select p.id as part_id, m.session_uid, m.client_id, 0 as is_owed from part p
      join client_session m on m.session_uid = p.session_uid and m.ended_at = p.committed_at
      union
      select p.id, d.session_uid, d.client_id, 0 from part p join delivery d on d.sign_out_id = p.id
      union
      select p.id, m.session_uid, m.client_id, 1 from part p
      join session n on n.sign_out_id = p.id
      join client_session m on m.session_uid = n.uid and m.ended_at is null
      where p.completed_at is null)
    select s.*, a.session_uid as member_session_uid, a.client_id, a.is_owed, m.protocol, m.expires_at,
      d.id as delivery_id, d.sign_out_id as delivery_sign_out_id, d.channel, d.generation, d.state, d.detail,
      d.reason, d.address, d.priority, d.due_at, d.horizon_at, d.created_at, d.settled_at, d.tried_at,
      d.attempt_count, d.replay_actor, d.replay_reason, e.open_until
    from sign_out s
    left join member a on true
    left join client_session m on m.session_uid = a.session_uid and m.client_id = a.client_id
    left join delivery d
      on d.sign_out_id = a.part_id and d.session_uid = a.session_uid and d.client_id = a.client_id
    left join endpoint e on e.id = d.endpoint_id
    where s.id = ${signOutId}
    order by a.session_uid, a.client_id, d.channel, d.generation
    limit ${applicationCountMax + 1}`.execute(on.db)
  return rows
}

async function readAttempts(
  on: Queryable,
  deliveryIds: readonly string[],
): Promise<ReadonlyMap<string, readonly AttemptView[]>> {
  if (deliveryIds.length === 0) return new Map()
  const rows = await on.db
    .selectFrom('attempt')
    .selectAll()
    .where(isOneOf(on, 'delivery_id', deliveryIds))
    .orderBy('delivery_id')
    .orderBy('number')
    .execute()
  const byDelivery = Map.groupBy(rows, (row) => row.delivery_id)
  return new Map([...byDelivery].map(([id, own]) => [id, own.map(attemptFromRow)]))
}

interface JoinedRow {
  readonly id: string
  readonly realm_id: string
  readonly scope: string
  readonly kind: string
  readonly cause: string
  readonly initiator: string
  readonly actor_account_id: string | null
  readonly actor_client_id: string | null
  readonly actor_ip_address: string | null
  readonly session_uid: string | null
  readonly account_id: string | null
  readonly parent_id: string | null
  readonly application_count: number
  readonly committed_at: number
  readonly completed_at: number | null
  readonly member_session_uid: string | null
  readonly client_id: string | null
  readonly is_owed: number
  readonly protocol: string | null
  readonly expires_at: number | null
  readonly delivery_id: string | null
  readonly delivery_sign_out_id: string
  readonly channel: string
  readonly generation: number
  readonly state: string
  readonly detail: string | null
  readonly reason: string | null
  readonly address: string
  readonly priority: number
  readonly due_at: number
  readonly horizon_at: number
  readonly created_at: number
  readonly settled_at: number | null
  readonly tried_at: number | null
  readonly attempt_count: number
  readonly replay_actor: string | null
  readonly replay_reason: string | null
  readonly open_until: number | null
}

/** A row of `sign_out`, without its applications. */
export function signOutFromRow(
  row: Selectable<SignOutTable>,
): Omit<SignOutView, 'applications' | 'isTruncated'> {
  return {
    id: row.id,
    realmId: row.realm_id,
    scope: row.scope,
    kind: row.kind,
    cause: row.cause,
    initiator: row.initiator,
    actor: {
      accountId: row.actor_account_id ?? undefined,
      clientId: row.actor_client_id ?? undefined,
      ipAddress: row.actor_ip_address ?? undefined,
    },
    sessionUid: row.session_uid ?? undefined,
    accountId: row.account_id ?? undefined,
    parentId: row.parent_id ?? undefined,
    applicationCount: row.application_count,
    committedAt: row.committed_at,
    completedAt: row.completed_at ?? undefined,
  }
}

function applicationsFromRows(
  rows: readonly JoinedRow[],
  attempts: ReadonlyMap<string, readonly AttemptView[]>,
): Pick<SignOutView, 'applications' | 'isTruncated'> {
  const byMember = Map.groupBy(rows.slice(0, applicationCountMax), (row) =>
    JSON.stringify([row.member_session_uid, row.client_id]),
  )
  const applications = [...byMember.values()].map((own) => {
    const [first] = own as [JoinedRow]
    return {
      clientId: first.client_id as string,
      sessionUid: first.member_session_uid as string,
      protocol: first.protocol ?? undefined,
      expiresAt: first.expires_at ?? undefined,
      isOwed: first.is_owed === 1,
      deliveries: own.flatMap((row) => (row.delivery_id === null ? [] : [deliveryFromRow(row, attempts)])),
    }
  })
  return { applications, isTruncated: rows.length > applicationCountMax }
}

function deliveryFromRow(
  row: JoinedRow,
  attempts: ReadonlyMap<string, readonly AttemptView[]>,
): DeliveryView {
  const id = row.delivery_id as string
  return {
    id,
    signOutId: row.delivery_sign_out_id,
    channel: row.channel as Channel,
    generation: row.generation,
    state: row.state,
    detail: row.detail ?? undefined,
    reason: row.reason ?? undefined,
    address: row.address,
    priority: row.priority === 0 ? 'high' : 'low',
    dueAt: row.due_at,
    horizonAt: row.horizon_at,
    createdAt: row.created_at,
    settledAt: row.settled_at ?? undefined,
    triedAt: row.tried_at ?? undefined,
    tryCount: row.attempt_count,
    pausedUntil: row.open_until ?? undefined,
    replay:
      row.replay_actor === null ? undefined : { actor: row.replay_actor, reason: row.replay_reason ?? '' },
    attempts: attempts.get(id) ?? [],
  }
}

function attemptFromRow(row: Selectable<AttemptTable>): AttemptView {
  return {
    number: row.number,
    startedAt: row.started_at,
    finishedAt: row.finished_at ?? undefined,
    outcome: (row.outcome as AttemptOutcome | null) ?? undefined,
    status: row.status ?? undefined,
    reason: row.reason ?? undefined,
    detail: row.detail ?? undefined,
    durationMs: row.duration_ms ?? undefined,
    address: row.address ?? undefined,
    jti: row.jti ?? undefined,
    kid: row.kid ?? undefined,
    tokenHash: row.token_hash ?? undefined,
    certificate: row.certificate ?? undefined,
    answer: row.answer ?? undefined,
  }
}
