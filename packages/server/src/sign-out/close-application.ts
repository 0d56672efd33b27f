/** Signs out of one application: its client session and tokens end and it is told; the session and the others stay. */
import type { Instant } from '../ambient/clock.ts'
import { recordEvent } from '../event/record-event.ts'
import { endClientSessionRow } from '../session/end-session-rows.ts'
import { lockSession } from '../session/lock-session.ts'
import { readClientSessions } from '../session/read-client-sessions.ts'
import type { Tx } from '../store/store.ts'
import { type ClosingDeps, newSignOutId, priorityOf, realmKnowing, recordSignOut } from './closing.ts'
import { endArtifactsOfApplication } from './end-artifacts.ts'
import { logoutEvent } from './logout-event.ts'
import type { SignOutCommand, SignOutResult, SignOutScope } from './sign-out-command.ts'
import { tellListed } from './tell-members.ts'

export async function closeApplication(
  deps: ClosingDeps,
  tx: Tx,
  command: SignOutCommand,
  { sessionUid, clientId }: Extract<SignOutScope, { kind: 'application' }>,
  at: Instant,
): Promise<SignOutResult> {
  const session = await lockSession(tx, sessionUid, 'for update')
  if (!session || session.realmId !== command.realmId) return { ok: false, reason: 'session_unknown' }
  await deps.gate('signOut.afterLock', sessionUid)
  const members = await readClientSessions(tx, sessionUid)
  const member = members.find((one) => one.clientId === clientId)
  if (!member || session.state === 'ended' || member.endedAt !== undefined) {
    return { ok: false, reason: 'application_unknown' }
  }
  const signOutId = newSignOutId(deps)
  const realm = await realmKnowing(deps, [member])
  tx.withCommit(endClientSessionRow(tx, sessionUid, clientId, at))
  tx.withCommit(endArtifactsOfApplication(tx, command.kind, sessionUid, clientId))
  const row = { id: signOutId, sessionUid, accountId: session.accountId, parentId: undefined }
  tx.withCommit(recordSignOut(deps, tx, command, { ...row, applicationCount: 1, completedAt: at }, at))
  const telling = { command, signOutId, session, members: [member], priority: priorityOf(command) }
  tellListed({ ...deps, realm }, tx, telling, at)
  tx.withCommit(recordEvent(deps, tx, logoutEvent(deps.realm, command, session, signOutId), at))
  await deps.gate('signOut.beforeCommit', sessionUid)
  return { ok: true, signOutId, isFirst: true, applicationCount: 1 }
}
