/**
 * Takes due deliveries of the asked endpoints under a lease: state, fence and attempt row in one transaction
 * (D3, D4, D5). Isolation is decided here, not when sending: what is claimed for a bad endpoint never exceeds its
 * limit, so it never fills the slots of the good ones.
 *
 * The cost depends on the endpoints asked and the rows taken, never on how many rows wait.
 */
import assert from 'node:assert/strict'
import type { Instant } from '../ambient/clock.ts'
import type { Gate } from '../ambient/gate.ts'
import { inOrder } from '../ambient/in-order.ts'
import { type Random, randomFraction } from '../ambient/random.ts'
import type { Channel } from '../rp/client.ts'
import { insertRows, updateRows } from '../store/bulk-rows.ts'
import type { Store, Tx } from '../store/store.ts'
import { type Choice, chooseClaims, type Look, type Slots } from './choose-claims.ts'
import * as postgres from './claim-postgres.ts'
import { type Candidate, type EndpointRow, type LockedEndpoints, leasedFromCandidate } from './claim-row.ts'
import * as sqlite from './claim-sqlite.ts'
import type { DeliverySettings, LeasedDelivery } from './delivery.ts'

export interface ClaimDeps {
  readonly store: Store
  /** Which channels this version can carry: what a newer one wrote for another channel is left to it (R25). */
  readonly senders: { has(channel: Channel): boolean }
  readonly random: Random
  readonly gate: Gate
  readonly settings: DeliverySettings
  /** Names this process in `lease_owner`: who has the name next knows what died with it (`forget-dead-leases.ts`). */
  readonly owner: string
}

export interface Claim {
  readonly leased: readonly LeasedDelivery[]
  /** For every endpoint that was asked, when to ask again. */
  readonly looks: ReadonlyMap<string, Look>
}

/** Endpoints asked in one claim at most: bounds the transaction to a few milliseconds. */
export const endpointsPerClaimMax = 256
/** The share of claims in which the low class goes first at an endpoint (D10). */
const lowFirstShare = 0.2
/** Another process holds the endpoint's row for the length of a claim. */
const lockedLookMs = 15

/** Claims at most `slots` deliveries. Needs no lock of its caller; runs its own transaction. */
export async function claimDeliveries(
  deps: ClaimDeps,
  endpointIds: readonly string[],
  slots: Slots,
  at: Instant,
): Promise<Claim> {
  const isLowFirst = randomFraction(deps.random) < lowFirstShare
  const claim = await deps.store.transact(async (tx) => {
    const { endpoints, candidates } = await lockAndRead(deps, tx, endpointIds, at)
    const choice = chooseClaims(
      deps.settings,
      { endpoints: endpoints.rows, candidates, slots, isLowFirst },
      at,
    )
    assert(choice.chosen.length <= slots.total, 'I16: no more is leased than there are places for')
    writeClaim(deps, tx, choice, endpoints, at)
    for (const { id } of choice.chosen) await deps.gate('claim.beforeCommit', id)
    return {
      leased: choice.chosen.map((candidate) => leasedFromCandidate(candidate, at)),
      looks: looksOfAll(endpointIds, choice, at),
    }
  })
  for (const { subject } of claim.leased) await deps.gate('claim.afterCommit', subject.deliveryId)
  return claim
}

/**
 * The locks, and what waits at the endpoints whose locks are held. On PostgreSQL both are sent together: rows of
 * an endpoint that somebody else has locked are left out of the choice, and are free again with the commit.
 */
async function lockAndRead(
  { settings, senders }: Pick<ClaimDeps, 'settings' | 'senders'>,
  tx: Tx,
  ids: readonly string[],
  at: Instant,
): Promise<{ readonly endpoints: LockedEndpoints; readonly candidates: readonly Candidate[] }> {
  // one more than may be leased, to know whether to ask again
  const limit = settings.leasedPerEndpointMax + 1
  if (tx.dialect === 'sqlite') {
    const endpoints = await sqlite.lockEndpointsOnSqlite(tx, ids, at)
    const open = openOf(senders, endpoints, at)
    const waiting =
      open.normal.length > 0 ? await sqlite.readCandidatesOnSqlite(tx, open.normal, limit, at) : []
    return { endpoints, candidates: [...waiting, ...(await readRecovering(tx, open.recovering, limit, at))] }
  }
  const [endpoints, waiting] = await inOrder([
    postgres.lockEndpointsOnPostgres(tx, ids, at),
    postgres.readCandidatesOnPostgres(tx, ids, limit, at),
  ])
  const open = openOf(senders, endpoints, at)
  const normal = new Set(open.normal)
  const candidates = waiting.filter((row) => normal.has(row.endpoint_id))
  return { endpoints, candidates: [...candidates, ...(await readRecovering(tx, open.recovering, limit, at))] }
}

/** Those that can be called and are not paused: `normal` ones, and those that still catch up after a pause. */
function openOf(
  senders: ClaimDeps['senders'],
  { rows }: LockedEndpoints,
  at: Instant,
): { readonly normal: readonly string[]; readonly recovering: readonly EndpointRow[] } {
  const open = rows.filter(
    ({ channel, open_until }) => senders.has(channel as Channel) && (open_until === null || open_until <= at),
  )
  return {
    normal: open.filter((row) => row.recovered_at === null).map((row) => row.id),
    recovering: open.filter((row) => row.recovered_at !== null),
  }
}

async function readRecovering(
  tx: Tx,
  endpoints: readonly EndpointRow[],
  limit: number,
  at: Instant,
): Promise<readonly Candidate[]> {
  const read = tx.dialect === 'sqlite' ? sqlite.readRecoveringOnSqlite : postgres.readRecoveringOnPostgres
  const candidates: Candidate[] = []
  for (const row of endpoints) {
    const found = await read(tx, row.id, row.recovered_at as Instant, limit, at)
    if (found.length < limit && found.every(({ due_at }) => due_at <= at)) await endRecovery(tx, row.id)
    candidates.push(...found)
  }
  return candidates
}

/** Everything that waited through the pause was tried again: from here on the schedule alone counts. */
async function endRecovery(tx: Tx, endpointId: string): Promise<void> {
  await tx.db.updateTable('endpoint').set({ recovered_at: null }).where('id', '=', endpointId).execute()
}

/** Travels with the commit. */
function writeClaim(
  { settings, owner }: ClaimDeps,
  tx: Tx,
  { chosen, paced }: Choice,
  { leaseClock }: LockedEndpoints,
  at: Instant,
): void {
  if (chosen.length === 0) return
  const leased = updateRows(
    tx,
    'delivery',
    { key: 'id', set: leaseColumns },
    chosen.map((row) => ({
      id: row.id,
      state: 'leased',
      lease_until: leaseClock + settings.leaseMs,
      lease_owner: owner,
      fence: row.fence + 1,
      attempt_count: row.attempt_count + 1,
      tried_at: at,
    })),
  )
  const isWhole = leased.then((keys) =>
    assert(keys.size === chosen.length, 'every row that was chosen was locked by this claim'),
  )
  const attempts = insertRows(
    tx,
    'attempt',
    chosen.map((row) => ({
      delivery_id: row.id,
      number: row.fence + 1,
      started_at: at,
      finished_at: null,
      outcome: null,
      status: null,
      reason: null,
      detail: null,
      duration_ms: null,
      address: null,
      jti: null,
      kid: null,
      token_hash: null,
      certificate: null,
      answer: null,
    })),
  )
  const pacedRows = [...paced].map(([id, until]) => ({ id, paced_until: until }))
  tx.withCommit(isWhole)
  tx.withCommit(attempts)
  tx.withCommit(updateRows(tx, 'endpoint', { key: 'id', set: ['paced_until'] }, pacedRows))
}

const leaseColumns = ['state', 'lease_until', 'lease_owner', 'fence', 'attempt_count', 'tried_at']

function looksOfAll(ids: readonly string[], { looks }: Choice, at: Instant): ReadonlyMap<string, Look> {
  return new Map(ids.map((id) => [id, looks.get(id) ?? { kind: 'at', at: at + lockedLookMs }]))
}
