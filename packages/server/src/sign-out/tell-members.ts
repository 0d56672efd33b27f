/**
 * Writes what an ended session owes: the ends of its applications and tokens, its sign-out, one delivery for each
 * application and channel (I2), and the LOGOUT event. All in the caller's transaction, none of it waited for
 * before its commit. Of a session that is too wide for one transaction, `tell-rest.ts` tells the rest (D18).
 */
import assert from 'node:assert/strict'
import type { Instant } from '../ambient/clock.ts'
import { enqueueDeliveries } from '../delivery/enqueue.ts'
import { recordEvent } from '../event/record-event.ts'
import { endClientSessionRows, endSomeClientSessionRows } from '../session/end-session-rows.ts'
import type { Session } from '../session/session.ts'
import type { Tx } from '../store/store.ts'
import { type ClosingDeps, priorityOf, recordSignOut } from './closing.ts'
import { deliveriesFor, type Telling } from './deliveries-for.ts'
import { endArtifactsOfSession } from './end-artifacts.ts'
import { logoutEvent } from './logout-event.ts'
import type { Members } from './read-members.ts'
import type { SignOutCommand } from './sign-out-command.ts'

export interface EndedSession {
  readonly session: Session
  readonly members: Members
  readonly signOutId: string
  readonly parentId: string | undefined
  readonly takenFrameCount?: number
}

/** What the browser is asked to carry. */
export interface ToldMembers {
  readonly frameCount: number
}

export function tellMembers(
  deps: ClosingDeps,
  tx: Tx,
  command: SignOutCommand,
  ended: EndedSession,
  at: Instant,
): ToldMembers {
  const { session, members, signOutId, parentId } = ended
  const own: SignOutCommand = { ...command, scope: { kind: 'session', sessionUid: session.uid } }
  // a part of a parent has the time of its door: by it the applications that left with it are found again
  const closedAt = session.endedAt ?? at
  const isWhole = members.restCount === 0
  const row = {
    id: signOutId,
    sessionUid: session.uid,
    accountId: session.accountId,
    parentId,
    applicationCount: members.listed.length + members.restCount,
    completedAt: isWhole ? at : undefined,
  }
  // the tokens of the applications that are told later end now as well (I1)
  const clientIds = isWhole ? members.listed.map(({ clientId }) => clientId) : deps.realm.clients.keys()
  tx.withCommit(endListed(tx, session.uid, members, closedAt))
  tx.withCommit(endArtifactsOfSession(tx, deps.realm, command.kind, session.uid, clientIds))
  tx.withCommit(recordSignOut(deps, tx, own, row, closedAt))
  const telling = { ...ended, members: members.listed, command: own, priority: priorityOf(command) }
  const told = tellListed(deps, tx, telling, at)
  tx.withCommit(recordEvent(deps, tx, logoutEvent(deps.realm, own, session, signOutId), at))
  return told
}

/** An application is written as ended in the transaction of its deliveries: the others are those still to be told. */
export function endListed(
  tx: Tx,
  sessionUid: string,
  { listed, restCount }: Members,
  closedAt: Instant,
): Promise<void> {
  if (restCount === 0) return endClientSessionRows(tx, sessionUid, closedAt)
  const clientIds = listed.map(({ clientId }) => clientId)
  return endSomeClientSessionRows(tx, sessionUid, clientIds, closedAt)
}

/** That each member has one delivery for each channel is a key of the table (D2). */
export function tellListed(deps: ClosingDeps, tx: Tx, telling: Telling, at: Instant): ToldMembers {
  const deliveries = deliveriesFor(deps.realm, telling, at)
  const sids = new Set(telling.members.map(({ sid }) => sid))
  // in production too
  assert(
    deliveries.every(({ sid }) => sids.has(sid)),
    'I3: nobody outside the session is told',
  )
  enqueueDeliveries(tx, deps, deliveries, at)
  tx.afterCommit(() => deps.onTelling?.(deps.realm, { members: telling.members, deliveries }))
  return { frameCount: deliveries.filter(({ initialState }) => initialState === 'unconfirmed').length }
}
