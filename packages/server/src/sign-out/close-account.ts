/**
 * Signs a person out of everything. One parent row; few sessions are ended in the same transaction, more of them
 * in chunks behind a door that is closed already (D18). One person's sign-out is of the high class (D10).
 */
import type { Instant } from '../ambient/clock.ts'
import { toNumericDate } from '../ambient/clock.ts'
import { type Session, sessionFromRow } from '../session/session.ts'
import { type Tx, withLock } from '../store/store.ts'
import { closeDoors } from './close-doors.ts'
import { type Ending, endAndTell } from './close-session.ts'
import { type ClosingDeps, memberCountMaxOf, newSignOutId, recordSignOut } from './closing.ts'
import { endArtifactsOfAccount } from './end-artifacts.ts'
import { readMembers } from './read-members.ts'
import type { SignOutCommand, SignOutResult, SignOutScope } from './sign-out-command.ts'

/** Sessions ended within the first transaction; more would make its commit a long one. */
const inlineSessionCountMax = 50

export async function closeAccount(
  deps: ClosingDeps,
  tx: Tx,
  command: SignOutCommand,
  { accountId, exceptSessionUid }: Extract<SignOutScope, { kind: 'account' }>,
  at: Instant,
): Promise<SignOutResult> {
  const sessions = await lockSessionsOf(tx, command.realmId, accountId, exceptSessionUid)
  await deps.gate('signOut.afterLock', accountId)
  const id = newSignOutId(deps)
  const endings = await endingsOf(deps, tx, sessions, id)
  const row = { id, sessionUid: undefined, accountId, parentId: undefined, applicationCount: 0 }
  await recordSignOut(deps, tx, command, { ...row, completedAt: endings ? at : undefined }, at)
  let applicationCount = 0
  let takenFrameCount = 0
  if (endings) {
    for (const ending of endings) {
      const ended = await endAndTell(deps, tx, command, { ...ending, takenFrameCount }, at)
      applicationCount += ended.applicationCount
      takenFrameCount += ended.frameCount
    }
    await tx.db
      .updateTable('sign_out')
      .set({ application_count: applicationCount })
      .where('id', '=', id)
      .execute()
  } else {
    await closeDoors(tx, { signOutId: id, realmId: command.realmId, accountId, exceptSessionUid }, at)
  }
  if (command.kind === 'security')
    await refuseEarlierTokens(tx, command.realmId, accountId, exceptSessionUid, at)
  await deps.gate('signOut.beforeCommit', accountId)
  return { ok: true, signOutId: id, isFirst: true, applicationCount }
}

/** The sessions with their applications; undefined when there is too much of it for one transaction. */
async function endingsOf(
  deps: ClosingDeps,
  tx: Tx,
  sessions: readonly Session[],
  parentId: string,
): Promise<readonly Ending[] | undefined> {
  if (sessions.length > inlineSessionCountMax) return undefined
  const endings: Ending[] = []
  let count = 0
  for (const session of sessions) {
    const members = await readMembers(deps, tx, session.uid)
    endings.push({ session, members, parentId })
    count += members.listed.length + members.restCount
    if (count > memberCountMaxOf(deps)) return undefined
  }
  return endings
}

/** Locked in the order of their uids, so that two such sign-outs cannot wait for each other. */
async function lockSessionsOf(
  tx: Tx,
  realmId: string,
  accountId: string,
  exceptSessionUid: string | undefined,
) {
  let query = tx.db
    .selectFrom('session')
    .selectAll()
    .where('account_id', '=', accountId)
    .where('realm_id', '=', realmId)
    .where('state', '=', 'active')
    .orderBy('uid')
    .limit(inlineSessionCountMax + 1)
  if (exceptSessionUid !== undefined) query = query.where('uid', '!=', exceptSessionUid)
  const rows = await withLock(tx, query, 'for update').execute()
  return rows.map(sessionFromRow)
}

/** KQ-02: offline grants end as well, and every token issued until now is refused, unless one session is to stay. */
async function refuseEarlierTokens(
  tx: Tx,
  realmId: string,
  accountId: string,
  exceptSessionUid: string | undefined,
  at: Instant,
): Promise<void> {
  if (exceptSessionUid !== undefined) return
  await endArtifactsOfAccount(tx, realmId, accountId)
  await tx.db
    .updateTable('account')
    .set({ not_before: toNumericDate(at) })
    .where('id', '=', accountId)
    .where('realm_id', '=', realmId)
    .execute()
}
