/**
 * The lock under which a request derives something from a session, and the check that it still may (delivery.md,
 * the lock question). A sign-out takes `for update`, so it comes entirely before or entirely after this.
 */
import type { Instant } from '../../ambient/clock.ts'
import { isAlive } from '../../session/session.ts'
import { compiledQuery, demandedStatement, Unmet } from '../../store/compiled-query.ts'
import { type LockMode, type Tx, withLock } from '../../store/store.ts'
import { artifactHash } from '../adapter/artifact-hash.ts'
import { knownSession, sessionColumns } from '../adapter/read-session.ts'
import type { DerivedFrom } from './commit.ts'
import { type Refusal, Refused } from './refusal.ts'
import { isSessionChanged, isTouchDue } from './session-change.ts'
import type { KnownSession, UnitOfWork } from './unit-of-work.ts'

export interface Locked {
  /** undefined when there is none to lock or it is new. */
  readonly session: KnownSession | undefined
  /** The lock that is on its way; undefined when it is held. */
  readonly isHeld: Promise<void> | undefined
}

/**
 * Locks what the request derives from.
 *
 * Where an answer costs a round trip (PostgreSQL), the database is told what the request read and judged, and
 * refuses when that has changed: then nobody waits, and the whole transaction leaves in one write. `isReadAgain`
 * is the second run after such a refusal: it waits for the lock and judges what it then sees.
 *
 */
export async function lockAndCheck(
  tx: Tx,
  work: UnitOfWork,
  from: DerivedFrom,
  at: Instant,
  isReadAgain: boolean,
): Promise<Locked> {
  const { sessionUid, offlineGrantId, accountId } = from
  if (offlineGrantId !== undefined) lockGrant(tx, work, offlineGrantId)
  const isNew = work.savedSession?.payload.uid === sessionUid && !work.loaded.has(sessionUid ?? '')
  if (sessionUid === undefined || offlineGrantId !== undefined || isNew) {
    if (accountId !== undefined) tx.withCommit(lockAccount(tx, { realmId: work.realm.id, accountId }))
    return { session: undefined, isHeld: undefined }
  }
  const mode = lockMode(work, sessionUid, at)
  const known = work.loaded.get(sessionUid)
  if (tx.demandOne && !isReadAgain && known?.isAccountEnabled && isAlive(known.session, at)) {
    const isHeld = lockAsRead[mode](tx, asRead(work, known.session))
    tx.withCommit(isHeld)
    return { session: known.session, isHeld }
  }
  const [row] = await lockSession[mode](tx, { realmId: work.realm.id, uid: sessionUid })
  if (row?.state !== 'active') throw new Refused('session_ended')
  const session = knownSession(row)
  if (!isAlive(session, at)) throw new Refused('session_expired')
  if (row.enabled !== 1 || row.deleted_at !== null) throw new Refused('account_disabled')
  return { session, isHeld: undefined }
}

/** The session is not what the request read: it must be judged again. */
export function isReadOutdated(error: unknown): boolean {
  return error instanceof Unmet && error.demand === sessionAsRead
}

/** `for share` to derive; a commit that also changes the row takes the stronger lock from the start (edge 22). */
function lockMode(work: UnitOfWork, sessionUid: string, at: Instant): keyof typeof lockSession {
  const loaded = work.loaded.get(sessionUid)
  const isChanged = loaded && (isTouchDue(loaded.session, at) || isSessionChanged(work, loaded.session))
  return isChanged ? 'for no key update' : 'for share'
}

/** The account's state comes along; on PostgreSQL the lock is on the session's row alone. */
const lockIn = (mode: LockMode) =>
  compiledQuery(['realmId', 'uid'], (db, value, on) => {
    const query = db
      .selectFrom('session as s')
      .where('s.uid', '=', value.uid)
      .where('s.realm_id', '=', value.realmId)
      .select(sessionColumns)
      .select(({ selectFrom }) => [
        selectFrom('account as a').whereRef('a.id', '=', 's.account_id').select('a.enabled').as('enabled'),
        selectFrom('account as a')
          .whereRef('a.id', '=', 's.account_id')
          .select('a.deleted_at')
          .as('deleted_at'),
      ])
    return withLock(on, query, mode)
  })

const lockSession = {
  'for share': lockIn('for share'),
  'for no key update': lockIn('for no key update'),
} as const

const sessionAsRead = 'session_as_read'

function asRead({ realm }: UnitOfWork, session: KnownSession): typeof readExample {
  const { uid, accountId, lastActiveAt, idleUntil, endsAt, payload } = session
  return { realmId: realm.id, uid, accountId, lastActiveAt, idleUntil, endsAt, payload }
}

const readExample = {
  realmId: '',
  uid: '',
  accountId: '',
  lastActiveAt: 0,
  idleUntil: 0,
  endsAt: 0,
  payload: '',
}

const lockAsReadIn = (mode: LockMode) =>
  demandedStatement(sessionAsRead, readExample, (db, value, on) => {
    const query = db
      .selectFrom('session as s')
      .select('s.uid')
      .where('s.uid', '=', value.uid)
      .where('s.realm_id', '=', value.realmId)
      .where('s.state', '=', 'active')
      .where('s.account_id', '=', value.accountId)
      .where('s.last_active_at', '=', value.lastActiveAt)
      .where('s.idle_until', '=', value.idleUntil)
      .where('s.ends_at', '=', value.endsAt)
      .where('s.payload', '=', value.payload)
      .where(({ exists, selectFrom }) =>
        exists(
          selectFrom('account as a')
            .select('a.id')
            .whereRef('a.id', '=', 's.account_id')
            .where('a.enabled', '=', 1)
            .where('a.deleted_at', 'is', null),
        ),
      )
    return withLock(on, query, mode)
  })

const lockAsRead = {
  'for share': lockAsReadIn('for share'),
  'for no key update': lockAsReadIn('for no key update'),
} as const

const accountDisabled: Refusal['reason'] = 'account_disabled'

/** The lock puts a sign-in before or after the disabling of its account, which changes the row first. */
const lockAccount = demandedStatement(accountDisabled, { realmId: '', accountId: '' }, (db, value, on) => {
  const query = db
    .selectFrom('account')
    .select('id')
    .where('id', '=', value.accountId)
    .where('realm_id', '=', value.realmId)
    .where('enabled', '=', 1)
    .where('deleted_at', 'is', null)
  return withLock(on, query, 'for share')
})

/** A security action deletes offline grants; the lock puts it before or after this request (SR-06). */
function lockGrant(tx: Tx, work: UnitOfWork, grantId: string): void {
  const idHash = artifactHash('Grant', grantId)
  if (!work.artifacts.get(idHash)?.isWritten) tx.withCommit(lockStoredGrant(tx, { idHash }))
}

const grantGone: Refusal['reason'] = 'grant_gone'

const lockStoredGrant = demandedStatement(grantGone, { idHash: '' }, (db, value, on) =>
  withLock(on, db.selectFrom('artifact').select('id_hash').where('id_hash', '=', value.idHash), 'for share'),
)
