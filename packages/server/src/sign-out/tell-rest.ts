/**
 * Goes on with the sign-out of a session that has more applications than one transaction tells: the next ones get
 * their deliveries. The closed door has frozen the list, and who is still in it has not been told, so a restart
 * goes on where it stopped and nobody is told twice (D18).
 */
import type { Instant } from '../ambient/clock.ts'
import type { DeliveryPriority } from '../delivery/delivery.ts'
import { readSession } from '../session/read-session.ts'
import type { Tx } from '../store/store.ts'
import { type ClosingDeps, completeSignOut, realmKnowing } from './closing.ts'
import { endArtifactsOfSession } from './end-artifacts.ts'
import { readMembers } from './read-members.ts'
import type { SignOutCommand } from './sign-out-command.ts'
import { endListed, tellListed } from './tell-members.ts'

export interface UnfinishedSignOut {
  readonly id: string
  readonly sessionUid: string
  readonly command: SignOutCommand
  readonly priority: DeliveryPriority
}

/**
 * Writes one chunk, and with the last one that the sign-out is complete. Needs the lock on it.
 *
 * No browser carries a notice of these: it has loaded its frames when the first chunk was committed.
 */
export async function tellRest(
  deps: ClosingDeps,
  tx: Tx,
  { id, sessionUid, command, priority }: UnfinishedSignOut,
  at: Instant,
): Promise<void> {
  const session = await readSession(tx, sessionUid)
  if (!session) return completeSignOut(tx, id, at)
  const members = await readMembers(deps, tx, sessionUid)
  const realm = await realmKnowing(deps, members.listed)
  const clientIds = members.listed.map(({ clientId }) => clientId)
  tx.withCommit(endListed(tx, sessionUid, members, session.endedAt ?? at))
  // again: an application that was registered elsewhere a moment before the sign-out may not have been known then
  tx.withCommit(endArtifactsOfSession(tx, realm, command.kind, sessionUid, clientIds))
  const telling = { command, signOutId: id, session, members: members.listed, priority }
  tellListed({ ...deps, realm }, tx, telling, at)
  if (members.restCount === 0) tx.withCommit(completeSignOut(tx, id, at))
  // a member that cannot be told has no delivery by which a watcher would see the change
  tx.notify('settled', id)
}
