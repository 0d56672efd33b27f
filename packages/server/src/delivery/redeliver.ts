/**
 * Tries again what has ended: a new generation with its own rows, actor and reason (D7, D14). The old rows stay as
 * they are (I5).
 */
import { type ExpressionBuilder, type Selectable, type SqlBool, sql } from 'kysely'
import type { Instant } from '../ambient/clock.ts'
import type { Gate } from '../ambient/gate.ts'
import type { Random } from '../ambient/random.ts'
import { insertRows, isOneOf } from '../store/bulk-rows.ts'
import { type Store, type Tx, withLock } from '../store/store.ts'
import type { DeliveryTable, Tables } from '../store/tables.ts'
import { newDeliveryIds } from './enqueue.ts'
import { isUntold, partsOf } from './state-condition.ts'

export interface RedeliverDeps {
  readonly store: Store
  readonly random: Random
  readonly gate: Gate
}

/** What to replay, inside one realm. All but `deliveries` means: what ended without `accepted` and was not cancelled. */
export type RedeliverScope =
  | { readonly kind: 'deliveries'; readonly ids: readonly string[] }
  /** With the parts of one that was spread over many sessions. */
  | { readonly kind: 'sign_out'; readonly signOutId: string }
  /** Of one application, of what ended in a time range, of both, or everything. */
  | {
      readonly kind: 'untold'
      readonly clientId?: string | undefined
      readonly from?: Instant | undefined
      readonly until?: Instant | undefined
    }

export interface RedeliverCommand {
  readonly realmId: string
  readonly scope: RedeliverScope
  /** Account id, or the name of what acted (`egress policy`). */
  readonly actor: string
  /** Required: it is shown beside the new generation. 1–500 characters. */
  readonly reason: string
}

export type RedeliverResult =
  | { readonly ok: true; readonly deliveryIds: readonly string[]; readonly hasMore: boolean }
  | { readonly ok: false; readonly reason: 'reason_missing' | 'rate_limited' | 'nothing_to_redeliver' }

/** Rows of one replay; `hasMore` says that it can be asked again. */
export const redeliverCountMax = 1000
/** Replays are for people: so many rows in a realm and minute (D14). */
export const redeliverCountPerMinuteMax = 5000
const reasonCharactersMax = 500

/** Replays at most 1,000 deliveries, the oldest first. Wakes the dispatchers. */
export function redeliver(
  deps: RedeliverDeps,
  command: RedeliverCommand,
  at: Instant,
): Promise<RedeliverResult> {
  return deps.store.transact((tx) => redeliverInside(deps, tx, command, at))
}

/** The same inside the caller's transaction, for a change of policy or of a client's address (D7). */
export async function redeliverInside(
  deps: Omit<RedeliverDeps, 'store'>,
  tx: Tx,
  command: RedeliverCommand,
  at: Instant,
): Promise<RedeliverResult> {
  if (command.reason.trim() === '') return { ok: false, reason: 'reason_missing' }
  if ((await countLately(tx, command.realmId, at)) >= redeliverCountPerMinuteMax) {
    return { ok: false, reason: 'rate_limited' }
  }
  return writeGenerations(deps, tx, command, at)
}

async function writeGenerations(
  deps: Omit<RedeliverDeps, 'store'>,
  tx: Tx,
  command: RedeliverCommand,
  at: Instant,
): Promise<Exclude<RedeliverResult, { reason: 'reason_missing' | 'rate_limited' }>> {
  const found = await keepLatest(tx, await lockReplayable(tx, command))
  if (found.length === 0) return { ok: false, reason: 'nothing_to_redeliver' }
  const chosen = found.slice(0, redeliverCountMax)
  const ids = newDeliveryIds(deps.random, chosen.length)
  const isBulk = command.scope.kind !== 'deliveries'
  await insertRows(
    tx,
    'delivery',
    chosen.map((row, index) => nextGeneration(row, ids[index] as string, command, isBulk, at)),
  )
  for (const signOutId of new Set(chosen.map((row) => row.sign_out_id))) {
    tx.notify('delivery', signOutId)
    tx.notify('settled', signOutId)
  }
  await deps.gate('redeliver.beforeCommit')
  return { ok: true, deliveryIds: ids, hasMore: found.length > redeliverCountMax }
}

/**
 * Gives the `blocked` deliveries of the realm (or of one client) that are still within their horizon a new generation:
 * the egress policy or the address has changed (D7). Actor and reason are those of the change. At most 1,000, the
 * oldest first; nobody is asked whether these are too many.
 */
export async function renewBlocked(
  deps: Omit<RedeliverDeps, 'store'>,
  tx: Tx,
  change: Omit<RedeliverCommand, 'scope'> & { readonly clientId?: string },
  at: Instant,
): Promise<readonly string[]> {
  let query = tx.db
    .selectFrom('delivery as d')
    .select('d.id')
    .where('d.realm_id', '=', change.realmId)
    .where(isUntold)
    .where('d.state', '=', 'blocked')
    .where('d.horizon_at', '>', at)
    .where(isLatest)
    .orderBy('d.settled_at')
    .limit(redeliverCountMax)
  if (change.clientId !== undefined) query = query.where('d.client_id', '=', change.clientId)
  const ids = (await query.execute()).map((row) => row.id)
  if (ids.length === 0) return []
  const result = await writeGenerations(deps, tx, { ...change, scope: { kind: 'deliveries', ids } }, at)
  return result.ok ? result.deliveryIds : []
}

async function countLately(tx: Tx, realmId: string, at: Instant): Promise<number> {
  const { count } = await tx.db
    .selectFrom('delivery')
    .select((e) => e.fn.countAll().as('count'))
    .where('realm_id', '=', realmId)
    .where(sql<SqlBool>`generation > 1`)
    .where('created_at', '>', at - 60_000)
    .executeTakeFirstOrThrow()
  return Number(count)
}

/** Terminal rows of the latest generation, over a channel that the server itself carries. */
async function lockReplayable(
  tx: Tx,
  command: RedeliverCommand,
): Promise<readonly Selectable<DeliveryTable>[]> {
  const { scope } = command
  let query = tx.db
    .selectFrom('delivery as d')
    .selectAll('d')
    .where('d.realm_id', '=', command.realmId)
    .where('d.settled_at', 'is not', null)
    .where('d.channel', '!=', 'oidc-front-channel')
    .where(isLatest)
    .orderBy('d.settled_at')
    .orderBy('d.id')
    .limit(redeliverCountMax + 1)
  if (scope.kind === 'deliveries') query = query.where(isOneOf(tx, 'd.id', scope.ids))
  else query = query.where(isUntold)
  if (scope.kind === 'sign_out') query = query.where('d.sign_out_id', 'in', partsOf(scope.signOutId))
  if (scope.kind === 'untold') {
    const { clientId, from, until } = scope
    if (clientId !== undefined) query = query.where('d.client_id', '=', clientId)
    if (from !== undefined) query = query.where('d.settled_at', '>=', from)
    if (until !== undefined) query = query.where('d.settled_at', '<', until)
  }
  return withLock(tx, query, 'for update').execute()
}

/**
 * Looks once more under the locks, in a statement that sees what was committed while this one waited for them: two
 * administrators who replay the same row make one new generation (R27).
 */
async function keepLatest(
  tx: Tx,
  rows: readonly Selectable<DeliveryTable>[],
): Promise<readonly Selectable<DeliveryTable>[]> {
  if (rows.length === 0) return rows
  const ids = rows.map((row) => row.id)
  const latest = await tx.db
    .selectFrom('delivery as d')
    .select('d.id')
    .where(isOneOf(tx, 'd.id', ids))
    .where(isLatest)
    .execute()
  const kept = new Set(latest.map((row) => row.id))
  return rows.filter((row) => kept.has(row.id))
}

function isLatest(e: ExpressionBuilder<Tables & { d: DeliveryTable }, 'd'>) {
  return e.not(
    e.exists(
      e
        .selectFrom('delivery as later')
        .select('later.id')
        .whereRef('later.sign_out_id', '=', 'd.sign_out_id')
        .whereRef('later.session_uid', '=', 'd.session_uid')
        .whereRef('later.client_id', '=', 'd.client_id')
        .whereRef('later.channel', '=', 'd.channel')
        .whereRef('later.generation', '>', 'd.generation'),
    ),
  )
}

/** The same length of time as the first generation had, from now. */
function nextGeneration(
  row: Selectable<DeliveryTable>,
  id: string,
  { actor, reason }: RedeliverCommand,
  isBulk: boolean,
  at: Instant,
): Selectable<DeliveryTable> {
  return {
    ...row,
    id,
    generation: row.generation + 1,
    priority: isBulk ? 1 : 0,
    state: 'pending',
    detail: null,
    reason: null,
    due_at: at,
    fence: 0,
    attempt_count: 0,
    refusal_count: 0,
    internal_count: 0,
    had_connection: 0,
    tried_at: null,
    horizon_at: at + (row.horizon_at - row.created_at),
    created_at: at,
    settled_at: null,
    replay_actor: actor,
    replay_reason: reason.trim().slice(0, reasonCharactersMax),
  }
}
