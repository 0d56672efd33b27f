/**
 * Writes what an ended session owes: the ends of its applications and tokens, its sign-out, one delivery for each
 * application and channel (I2), and the LOGOUT event. All in the caller's transaction, none of it waited for
 * before its commit.
 */
import assert from 'node:assert/strict'
import type { Instant } from '../ambient/clock.ts'
import type { DeliveryPriority, NewDelivery } from '../delivery/delivery.ts'
import { enqueueDeliveries } from '../delivery/enqueue.ts'
import { recordEvent } from '../event/record-event.ts'
import { endClientSessionRows } from '../session/end-session-rows.ts'
import { readClientSessions } from '../session/read-client-sessions.ts'
import type { ClientSession, Session } from '../session/session.ts'
import type { Tx } from '../store/store.ts'
import { type ClosingDeps, insertSignOut } from './closing.ts'
import { deliveriesFor } from './deliveries-for.ts'
import { endArtifactsOfSession } from './end-artifacts.ts'
import { logoutEvent } from './logout-event.ts'
import type { SignOutCommand } from './sign-out-command.ts'

export interface EndedSession {
  readonly session: Session
  readonly members: readonly ClientSession[]
  readonly signOutId: string
  readonly parentId: string | undefined
  readonly priority: DeliveryPriority
}

/** The applications that are still in the session. Read after its lock is held, or after its door is closed. */
export async function readMembers(tx: Tx, sessionUid: string): Promise<readonly ClientSession[]> {
  const all = await readClientSessions(tx, sessionUid)
  return all.filter((member) => member.endedAt === undefined)
}

export function tellMembers(
  deps: ClosingDeps,
  tx: Tx,
  command: SignOutCommand,
  ended: EndedSession,
  at: Instant,
): void {
  const { session, members, signOutId, parentId } = ended
  const own: SignOutCommand = { ...command, scope: { kind: 'session', sessionUid: session.uid } }
  const row = { id: signOutId, sessionUid: session.uid, accountId: session.accountId, parentId }
  tx.withCommit(endClientSessionRows(tx, session.uid, session.endedAt ?? at))
  tx.withCommit(endArtifactsOfSession(tx, deps.realm, command.kind, session.uid, members))
  tx.withCommit(insertSignOut(tx, own, { ...row, applicationCount: members.length, completedAt: at }, at))
  const deliveries = deliveriesFor(deps.realm, { ...ended, command: own }, at)
  assertOfMembers(deliveries, members)
  enqueueDeliveries(tx, deps, deliveries, at)
  tx.withCommit(recordEvent(deps, tx, logoutEvent(deps.realm, own, session, signOutId), at))
}

/** In production too. That each member has one for each channel is a key of the table (D2). */
function assertOfMembers(deliveries: readonly NewDelivery[], members: readonly ClientSession[]): void {
  const sids = new Set(members.map(({ sid }) => sid))
  assert(
    deliveries.every(({ sid }) => sids.has(sid)),
    'I3: nobody outside the session is told',
  )
}
