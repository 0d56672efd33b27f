/**
 * The sweep: sessions whose time is over. Their door is closed by time at each use already; the sweep writes it
 * down and tells the applications, in the low class (R14), every 15 s, so that a session's notices start within
 * 60 s of its end (KW-22).
 */
import { sql } from 'kysely'
import type { Instant } from '../ambient/clock.ts'
import { recordEvent } from '../event/record-event.ts'
import type { Realm } from '../realm/realm.ts'
import { lockSession } from '../session/lock-session.ts'
import { isAlive, type Session } from '../session/session.ts'
import type { Queryable, Tx } from '../store/store.ts'
import { endAndTell } from './close-session.ts'
import { type ClosingDeps, memberCountMaxOf } from './closing.ts'
import { readMembers } from './read-members.ts'
import type { SignOutDeps } from './sign-out.ts'
import type { SignOutCommand } from './sign-out-command.ts'

/** Sessions of one transaction; with 10 applications each, 500 deliveries. */
const batchSessionCount = 50
/** A lock that only the sweep takes: one process sweeps, the others find it taken and leave. */
const sweepLockId = 8_203_420

/** Ends one batch. Returns how many sessions were ended; call again while it is not 0. */
export async function expireSessions(deps: SignOutDeps): Promise<number> {
  const at = deps.ambient.clock.now()
  const due = await findExpired(deps.store.read, at)
  if (due.length === 0) return 0
  await deps.ambient.gate('expiry.beforeSignOut')
  const realms = new Map<string, Realm>()
  for (const { realmId } of due) {
    const realm = realms.get(realmId) ?? (await deps.realms.byId(realmId))
    if (realm) realms.set(realmId, realm)
  }
  return deps.store.transact(async (tx) => {
    if (!(await isOnlySweep(tx))) return 0
    let count = 0
    let roomCount = memberCountMaxOf(deps)
    for (const { sessionUid, realmId } of due) {
      const realm = realms.get(realmId)
      if (roomCount <= 0) break
      if (!realm) continue
      const closing = { ...deps, realm, gate: deps.ambient.gate }
      const toldCount = await expireOne(closing, tx, { sessionUid, roomCount }, at)
      if (toldCount === undefined) continue
      count += 1
      roomCount -= toldCount
    }
    return count
  })
}

export async function findExpired(
  on: Queryable,
  at: Instant,
): Promise<readonly { readonly sessionUid: string; readonly realmId: string }[]> {
  const columns = ['uid as sessionUid', 'realm_id as realmId'] as const
  // written out, or neither database uses the index of the active sessions
  const active = on.db
    .selectFrom('session')
    .select(columns)
    .where('state', '=', sql.lit('active'))
    .limit(batchSessionCount)
  const idle = await active.where('idle_until', '<=', at).execute()
  if (idle.length > 0) return idle
  return active.where('ends_at', '<=', at).execute()
}

async function isOnlySweep(tx: Tx): Promise<boolean> {
  if (tx.dialect === 'sqlite') return true
  const { rows } = await sql<{
    got: boolean
  }>`select pg_try_advisory_xact_lock(${sweepLockId}) as got`.execute(tx.db)
  return rows[0]?.got === true
}

/** How many applications are told; undefined when there was nothing to end, or it does not fit in here any more. */
async function expireOne(
  deps: ClosingDeps,
  tx: Tx,
  { sessionUid, roomCount }: { readonly sessionUid: string; readonly roomCount: number },
  at: Instant,
): Promise<number | undefined> {
  const session = await lockSession(tx, sessionUid, 'for update')
  // it may have been used, or signed out, since it was found
  if (!session || session.state === 'ended' || isAlive(session, at)) return undefined
  const command = commandFor(session, at)
  const members = await readMembers(deps, tx, sessionUid)
  if (members.listed.length > roomCount) return undefined
  await endAndTell(deps, tx, command, { session, members, parentId: undefined }, at)
  await recordEvent(
    deps,
    tx,
    {
      type: 'USER_SESSION_DELETED',
      realm: deps.realm,
      clientId: undefined,
      accountId: session.accountId,
      sessionUid,
      ipAddress: undefined,
      details: { reason: command.cause },
    },
    at,
  )
  return members.listed.length
}

function commandFor(session: Session, at: Instant): SignOutCommand {
  return {
    realmId: session.realmId,
    scope: { kind: 'session', sessionUid: session.uid },
    kind: 'ordinary',
    cause: at >= session.endsAt ? 'session_max_lifespan' : 'session_idle',
    initiator: 'expiry',
    actor: {},
  }
}
