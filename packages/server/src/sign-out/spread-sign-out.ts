/**
 * The second half of a wide sign-out: one over many sessions, or of a session with very many applications. The
 * doors are closed already; here each session gets its own sign-out and deliveries, in chunks. What is left to do is
 * in the rows, so a restart goes on where it stopped and no chunk is done twice (D18).
 */
import { type Selectable, sql } from 'kysely'
import type { Instant } from '../ambient/clock.ts'
import type { DeliveryPriority } from '../delivery/delivery.ts'
import { type Session, sessionFromRow } from '../session/session.ts'
import { type Tx, withLock } from '../store/store.ts'
import type { SignOutTable } from '../store/tables.ts'
import {
  type ClosingDeps,
  completeSignOut,
  memberCountMaxOf,
  newSignOutId,
  priorityOf,
  realmKnowing,
} from './closing.ts'
import { type Members, readMembers } from './read-members.ts'
import type { SignOutDeps } from './sign-out.ts'
import type { SignOutCause, SignOutCommand, SignOutInitiator, SignOutScope } from './sign-out-command.ts'
import { tellMembers } from './tell-members.ts'
import { tellRest } from './tell-rest.ts'

/** Sessions per transaction: with 10 applications each, one commit writes 200 deliveries; on SQLite all else waits. */
const chunkSessionCount = 20

interface OpenSignOut {
  readonly id: string
  readonly command: SignOutCommand
  readonly priority: DeliveryPriority
}

/** Does one chunk of one open sign-out. Returns false when nothing is left to do. */
export async function spreadSignOut(deps: SignOutDeps): Promise<boolean> {
  const open = await readOpenSignOut(deps)
  if (!open) return false
  const realm = await deps.realms.byId(open.command.realmId)
  const at = deps.ambient.clock.now()
  const { gate } = deps.ambient
  await deps.store.transact(async (tx) => {
    if (!(await lockOpen(tx, open.id))) return
    if (realm) await writeChunk({ ...deps, realm, gate }, tx, open, at)
    else await completeSignOut(tx, open.id, at)
    await gate('spread.beforeCommit', open.id)
  })
  return true
}

/**
 * A session that has begun to be told before more sessions, one person's before a whole realm's (D10), the oldest
 * first. A part is found by itself, whatever became of its parent.
 */
export async function readOpenSignOut({
  store,
}: Pick<SignOutDeps, 'store'>): Promise<OpenSignOut | undefined> {
  const row = await store.read.db
    .selectFrom('sign_out as s')
    .leftJoin('sign_out as parent', 'parent.id', 's.parent_id')
    .selectAll('s')
    .select('parent.scope as parent_scope')
    .where('s.completed_at', 'is', null)
    .orderBy(sql`case s.scope when 'session' then 0 when 'account' then 1 else 2 end`)
    .orderBy('s.committed_at')
    .limit(1)
    .executeTakeFirst()
  if (!row) return undefined
  const command = commandOf(row)
  return { id: row.id, command, priority: row.parent_scope === 'realm' ? 'low' : priorityOf(command) }
}

function commandOf(row: Selectable<SignOutTable>): SignOutCommand {
  return {
    realmId: row.realm_id,
    scope: scopeOf(row),
    kind: row.kind as SignOutCommand['kind'],
    cause: row.cause as SignOutCause,
    initiator: row.initiator as SignOutInitiator,
    actor: {
      accountId: row.actor_account_id ?? undefined,
      clientId: row.actor_client_id ?? undefined,
      ipAddress: row.actor_ip_address ?? undefined,
    },
  }
}

function scopeOf({ scope, session_uid, account_id }: Selectable<SignOutTable>): SignOutScope {
  if (scope === 'session') return { kind: 'session', sessionUid: session_uid ?? '' }
  return account_id === null ? { kind: 'realm' } : { kind: 'account', accountId: account_id }
}

/** One process at a time spreads a sign-out; another one that comes here waits and then finds the next chunk. */
function lockOpen(tx: Tx, id: string) {
  const query = tx.db
    .selectFrom('sign_out')
    .select('id')
    .where('id', '=', id)
    .where('completed_at', 'is', null)
  return withLock(tx, query, 'for update').executeTakeFirst()
}

async function writeChunk(deps: ClosingDeps, tx: Tx, open: OpenSignOut, at: Instant): Promise<void> {
  const { scope } = open.command
  if (scope.kind === 'session') return tellRest(deps, tx, { ...open, sessionUid: scope.sessionUid }, at)
  const sessions = await sessionsLeft(tx, open.id)
  if (sessions.length > 0) return adoptSome(deps, tx, open, sessions, at)
  // its parts come before it the next time
  if (!(await hasOpenPart(tx, open.id))) await completeSignOut(tx, open.id, at)
}

async function sessionsLeft(tx: Tx, parentId: string): Promise<readonly Session[]> {
  const rows = await tx.db
    .selectFrom('session')
    .selectAll()
    .where('sign_out_id', '=', parentId)
    .limit(chunkSessionCount)
    .execute()
  return rows.map(sessionFromRow)
}

/** True when a session of it has its own sign-out, and applications that have no delivery yet. */
async function hasOpenPart(tx: Tx, parentId: string): Promise<boolean> {
  const row = await tx.db
    .selectFrom('sign_out')
    .select('id')
    .where('parent_id', '=', parentId)
    .where('completed_at', 'is', null)
    .limit(1)
    .executeTakeFirst()
  return row !== undefined
}

/** As many of these sessions as one transaction may tell the applications of; at least one. */
async function adoptSome(
  deps: ClosingDeps,
  tx: Tx,
  parent: OpenSignOut,
  sessions: readonly Session[],
  at: Instant,
): Promise<void> {
  let roomCount = memberCountMaxOf(deps)
  let applicationCount = 0
  for (const session of sessions) {
    const members = await readMembers(deps, tx, session.uid)
    if (members.listed.length > roomCount) break
    await adopt(deps, tx, parent, { session, members }, at)
    roomCount -= members.listed.length
    applicationCount += members.listed.length + members.restCount
  }
  await addApplications(tx, parent.id, applicationCount)
}

/** The door of this session is closed already; what is missing is its own sign-out and its deliveries. */
async function adopt(
  deps: ClosingDeps,
  tx: Tx,
  { id, command }: OpenSignOut,
  { session, members }: { readonly session: Session; readonly members: Members },
  at: Instant,
): Promise<void> {
  const signOutId = newSignOutId(deps)
  const realm = await realmKnowing(deps, members.listed)
  tx.withCommit(
    tx.db.updateTable('session').set({ sign_out_id: signOutId }).where('uid', '=', session.uid).execute(),
  )
  tellMembers({ ...deps, realm }, tx, command, { session, members, signOutId, parentId: id }, at)
}

async function addApplications(tx: Tx, id: string, count: number): Promise<void> {
  await tx.db
    .updateTable('sign_out')
    .set((column) => ({ application_count: column('application_count', '+', count) }))
    .where('id', '=', id)
    .execute()
}
