/** What the steps of a sign-out have in common: what they need, and the rows that they write. */
import type { Instant } from '../ambient/clock.ts'
import type { Gate } from '../ambient/gate.ts'
import { randomId } from '../ambient/random.ts'
import type { DeliveryPriority, NewDelivery } from '../delivery/delivery.ts'
import { deliveriesPerTransactionMax } from '../delivery/enqueue.ts'
import type { EventDeps } from '../event/record-event.ts'
import type { Realm, Realms } from '../realm/realm.ts'
import type { ClientSession } from '../session/session.ts'
import { compiledStatement } from '../store/compiled-query.ts'
import type { Tx } from '../store/store.ts'
import type { SignOutCommand } from './sign-out-command.ts'

/** Told after the commit: metrics. */
export interface SignOutListeners {
  /** Of every decision, whoever made it; not of the parts that one over many sessions has. */
  readonly onSignOut?: (realm: Realm, command: SignOutCommand) => void
  /** Of the deliveries that were written, and of whom they are for. */
  readonly onTelling?: (realm: Realm, telling: WrittenTelling) => void
}

export interface WrittenTelling {
  readonly members: readonly Pick<ClientSession, 'clientId'>[]
  readonly deliveries: readonly NewDelivery[]
}

/** An application is told over two channels at most. */
const channelCountMax = 2
/** Applications that one transaction signs out of: more of them would hold up everybody's commits (D18). */
const memberCountPerTransactionMax = deliveriesPerTransactionMax / channelCountMax

export interface ClosingLimits {
  /** Applications that one transaction signs out of, default 5,000 (D18). Fewer only in tests. */
  readonly memberCountMax?: number
}

export function memberCountMaxOf({ memberCountMax = memberCountPerTransactionMax }: ClosingLimits): number {
  return memberCountMax
}

export interface ClosingDeps extends EventDeps, ClosingLimits, SignOutListeners {
  readonly realm: Realm
  readonly realms: Realms
  readonly gate: Gate
}

/**
 * The realm with these applications in it. One that was registered elsewhere a moment ago, and has joined the session
 * there, may be younger than the realm in memory; left out, it would never be told (I2).
 */
export async function realmKnowing(
  { realm, realms }: ClosingDeps,
  members: readonly ClientSession[],
): Promise<Realm> {
  if (members.every(({ clientId }) => realm.clients.has(clientId))) return realm
  realms.invalidate(realm.id)
  return (await realms.byId(realm.id)) ?? realm
}

export interface SignOutRow {
  readonly id: string
  readonly sessionUid: string | undefined
  readonly accountId: string | undefined
  readonly parentId: string | undefined
  readonly applicationCount: number
  /** Undefined while sessions are still to be ended, or deliveries to be written (D18). */
  readonly completedAt: Instant | undefined
}

/** A person's sign-out goes before one of everybody, and before those that nobody waits for (D10, R14). */
export function priorityOf({ scope, initiator }: SignOutCommand): DeliveryPriority {
  return scope.kind === 'realm' || initiator === 'expiry' ? 'low' : 'high'
}

/** 128 unguessable bits: the id is part of the result page's address. */
export function newSignOutId(deps: Pick<ClosingDeps, 'random'>): string {
  return randomId(deps.random, 'so_', 128)
}

/** Nothing of it is left to be written. */
export async function completeSignOut(tx: Tx, id: string, at: Instant): Promise<void> {
  await tx.db.updateTable('sign_out').set({ completed_at: at }).where('id', '=', id).execute()
}

/** By their columns; `insertSignOut` fills them. */
const emptyRow = {
  id: '',
  realm_id: '',
  scope: '',
  kind: '',
  cause: '',
  initiator: '',
  actor_account_id: null as string | null,
  actor_client_id: null as string | null,
  actor_ip_address: null as string | null,
  session_uid: null as string | null,
  account_id: null as string | null,
  parent_id: null as string | null,
  application_count: 0,
  committed_at: 0,
  completed_at: null as number | null,
}

const insert = compiledStatement(emptyRow, (db, row) => db.insertInto('sign_out').values(row))

/** Writes a sign-out and says so after the commit. */
export async function recordSignOut(
  deps: Pick<ClosingDeps, 'realm' | 'onSignOut'>,
  tx: Tx,
  command: SignOutCommand,
  row: SignOutRow,
  at: Instant,
): Promise<void> {
  if (row.parentId === undefined) tx.afterCommit(() => deps.onSignOut?.(deps.realm, command))
  await insertSignOut(tx, command, row, at)
}

export async function insertSignOut(
  tx: Tx,
  command: SignOutCommand,
  row: SignOutRow,
  at: Instant,
): Promise<void> {
  await insert(tx, {
    id: row.id,
    realm_id: command.realmId,
    scope: command.scope.kind,
    kind: command.kind,
    cause: command.cause,
    initiator: command.initiator,
    actor_account_id: command.actor.accountId ?? null,
    actor_client_id: command.actor.clientId ?? null,
    actor_ip_address: command.actor.ipAddress ?? null,
    session_uid: row.sessionUid ?? null,
    account_id: row.accountId ?? null,
    parent_id: row.parentId ?? null,
    application_count: row.applicationCount,
    committed_at: at,
    completed_at: row.completedAt ?? null,
  })
}
