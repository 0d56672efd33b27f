/**
 * A session that the engine destroyed, or an application that it wanted to notify, becomes a sign-out in the
 * same commit (engine.md §9). Neither should ever happen; neither must be lost.
 */
import type { Instant } from '../../ambient/clock.ts'
import { closeApplication } from '../../sign-out/close-application.ts'
import { closeSession } from '../../sign-out/close-session.ts'
import type { SignOutCommand, SignOutScope } from '../../sign-out/sign-out-command.ts'
import type { Tx } from '../../store/store.ts'
import type { CommitDeps } from './commit.ts'
import type { UnitOfWork } from './unit-of-work.ts'

export async function closeWhatTheEngineEnded(
  deps: CommitDeps,
  tx: Tx,
  work: UnitOfWork,
  at: Instant,
): Promise<void> {
  const closing = { ...deps, realm: work.realm, gate: deps.ambient.gate }
  for (const cookieValue of work.destroyedCookies) {
    const sessionUid = work.uidByCookie.get(cookieValue)
    // a rotated session is destroyed under the old value and saved under the new one, with the same uid
    if (sessionUid === undefined || work.savedSession?.payload.uid === sessionUid) continue
    const scope = { kind: 'session', sessionUid } as const
    await closeSession(closing, tx, commandOf(work, scope), scope, at)
  }
  for (const { clientId, sid } of work.engineNotices) {
    deps.ambient.log.write('error', 'op.engine_notice', { realm: work.realm.name, client: clientId })
    const sessionUid = sessionOfSid(work, sid)
    if (sessionUid === undefined) continue
    const scope = { kind: 'application', sessionUid, clientId } as const
    await closeApplication(closing, tx, commandOf(work, scope), scope, at)
  }
}

function sessionOfSid(work: UnitOfWork, sid: string): string | undefined {
  for (const { session, clientSessions } of work.loaded.values()) {
    for (const member of clientSessions.values()) if (member.sid === sid) return session.uid
  }
  return undefined
}

function commandOf(work: UnitOfWork, scope: SignOutScope): SignOutCommand {
  const actor = { ipAddress: work.source.ipAddress }
  return { realmId: work.realm.id, scope, kind: 'ordinary', cause: 'engine', initiator: 'api', actor }
}
