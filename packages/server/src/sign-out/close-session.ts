/**
 * Closes the door of one session: lock, list, end, write the deliveries. Locks first and lists second; the other
 * way round loses an application that joins in between (delivery.md, the lock question).
 */
import type { Instant } from '../ambient/clock.ts'
import { inOrder } from '../ambient/in-order.ts'
import { endSessionRow } from '../session/end-session-rows.ts'
import { lockSession } from '../session/lock-session.ts'
import type { Session } from '../session/session.ts'
import type { Tx } from '../store/store.ts'
import { type ClosingDeps, newSignOutId, realmKnowing } from './closing.ts'
import { type Members, readMembers } from './read-members.ts'
import type { SignOutCommand, SignOutResult, SignOutScope } from './sign-out-command.ts'
import { type ToldMembers, tellMembers } from './tell-members.ts'

export async function closeSession(
  deps: ClosingDeps,
  tx: Tx,
  command: SignOutCommand,
  { sessionUid }: Extract<SignOutScope, { kind: 'session' }>,
  at: Instant,
): Promise<SignOutResult> {
  // sent together: the list is read when the lock is held
  const [session, members] = await inOrder([
    lockSession(tx, sessionUid, 'for update'),
    readMembers(deps, tx, sessionUid),
  ])
  if (!session || session.realmId !== command.realmId) return { ok: false, reason: 'session_unknown' }
  await deps.gate('signOut.afterLock', sessionUid)
  if (session.state === 'ended') return sameAsFirst(tx, session)
  return endAndTell(deps, tx, command, { session, members, parentId: undefined }, at)
}

export interface Ending {
  readonly session: Session
  readonly members: Members
  readonly parentId: string | undefined
  readonly takenFrameCount?: number
}

export type Ended = Extract<SignOutResult, { ok: true }> & ToldMembers

/** Ends a locked, active session, whose members were read under the lock, with a sign-out of its own. */
export async function endAndTell(
  deps: ClosingDeps,
  tx: Tx,
  command: SignOutCommand,
  ending: Ending,
  at: Instant,
): Promise<Ended> {
  const { session, members } = ending
  const signOutId = newSignOutId(deps)
  const realm = await realmKnowing(deps, members.listed)
  await deps.gate('signOut.afterMembers', session.uid)
  tx.withCommit(endSessionRow(tx, session.uid, signOutId, at))
  const { frameCount } = tellMembers({ ...deps, realm }, tx, command, { ...ending, signOutId }, at)
  await deps.gate('signOut.beforeCommit', session.uid)
  const applicationCount = members.listed.length + members.restCount
  return { ok: true, signOutId, isFirst: true, applicationCount, frameCount }
}

/** R6, R13: the first cause wins; a later caller gets its id. */
async function sameAsFirst(tx: Tx, session: Session): Promise<SignOutResult> {
  const first = await tx.db
    .selectFrom('sign_out')
    .select(['id', 'application_count'])
    .where('id', '=', session.signOutId ?? '')
    .executeTakeFirst()
  if (!first) return { ok: false, reason: 'session_unknown' }
  return { ok: true, signOutId: first.id, isFirst: false, applicationCount: first.application_count }
}
