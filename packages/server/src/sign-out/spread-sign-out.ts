/**
 * The second half of a sign-out over many sessions: gives each session, whose door is closed already, its own
 * sign-out and deliveries, in chunks. What is left to do is in the rows, so a restart goes on where it stopped
 * and no chunk is done twice (D18).
 */
import { sql } from 'kysely'
import type { Instant } from '../ambient/clock.ts'
import { type Session, sessionFromRow } from '../session/session.ts'
import { type Tx, withLock } from '../store/store.ts'
import { type ClosingDeps, memberCountPerTransactionMax, newSignOutId, realmKnowing } from './closing.ts'
import type { SignOutDeps } from './sign-out.ts'
import type { SignOutCause, SignOutCommand, SignOutInitiator } from './sign-out-command.ts'
import { readMembers, tellMembers } from './tell-members.ts'

/** Sessions per transaction: with 10 applications each, one commit writes 500 deliveries. */
const chunkSessionCount = 50

interface Parent {
  readonly id: string
  readonly command: SignOutCommand
}

/** Does one chunk of one open parent. Returns false when nothing is left to do. */
export async function spreadSignOut(deps: SignOutDeps): Promise<boolean> {
  const open = await readOpenParent(deps)
  if (!open) return false
  const realm = await deps.realms.byId(open.command.realmId)
  const at = deps.ambient.clock.now()
  const { gate } = deps.ambient
  await deps.store.transact(async (tx) => {
    const parent = await lockParent(tx, open.id)
    if (!parent) return
    const sessions = realm ? await sessionsLeft(tx, open.id) : []
    if (!realm || sessions.length === 0) return completeParent(tx, open.id, at)
    let applicationCount = 0
    for (const session of sessions) {
      if (applicationCount >= memberCountPerTransactionMax) break
      applicationCount += await adopt({ ...deps, realm, gate }, tx, open, session, at)
    }
    await addApplications(tx, open.id, applicationCount)
  })
  return true
}

export async function readOpenParent({ store }: Pick<SignOutDeps, 'store'>): Promise<Parent | undefined> {
  const row = await store.read.db
    .selectFrom('sign_out')
    .selectAll()
    // written out, or neither database uses the index of what is open
    .where('scope', 'in', [sql.lit('account'), sql.lit('realm')])
    .where('completed_at', 'is', null)
    .orderBy('committed_at')
    .limit(1)
    .executeTakeFirst()
  if (!row) return undefined
  return {
    id: row.id,
    command: {
      realmId: row.realm_id,
      scope: row.account_id ? { kind: 'account', accountId: row.account_id } : { kind: 'realm' },
      kind: row.kind as SignOutCommand['kind'],
      cause: row.cause as SignOutCause,
      initiator: row.initiator as SignOutInitiator,
      actor: {
        accountId: row.actor_account_id ?? undefined,
        clientId: row.actor_client_id ?? undefined,
        ipAddress: row.actor_ip_address ?? undefined,
      },
    },
  }
}

/** One process at a time spreads a parent; another one that comes here waits and then finds the next chunk. */
function lockParent(tx: Tx, id: string) {
  const query = tx.db
    .selectFrom('sign_out')
    .select('id')
    .where('id', '=', id)
    .where('completed_at', 'is', null)
  return withLock(tx, query, 'for update').executeTakeFirst()
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

/** The door of this session is closed already; what is missing is its own sign-out and its deliveries. */
async function adopt(
  deps: ClosingDeps,
  tx: Tx,
  { id, command }: Parent,
  session: Session,
  at: Instant,
): Promise<number> {
  const signOutId = newSignOutId(deps)
  const members = await readMembers(tx, session.uid)
  const realm = await realmKnowing(deps, members)
  tx.withCommit(
    tx.db.updateTable('session').set({ sign_out_id: signOutId }).where('uid', '=', session.uid).execute(),
  )
  const priority = command.scope.kind === 'account' ? 'high' : 'low'
  tellMembers({ ...deps, realm }, tx, command, { session, members, signOutId, parentId: id, priority }, at)
  return members.length
}

async function addApplications(tx: Tx, id: string, count: number): Promise<void> {
  await tx.db
    .updateTable('sign_out')
    .set((column) => ({ application_count: column('application_count', '+', count) }))
    .where('id', '=', id)
    .execute()
}

async function completeParent(tx: Tx, id: string, at: Instant): Promise<void> {
  await tx.db.updateTable('sign_out').set({ completed_at: at }).where('id', '=', id).execute()
}
