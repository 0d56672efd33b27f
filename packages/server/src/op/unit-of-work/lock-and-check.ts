/**
 * The lock under which a request derives something from a session, and the check that it still may (delivery.md,
 * the lock question). A sign-out takes `for update`, so it comes entirely before or entirely after this.
 */
import type { Instant } from '../../ambient/clock.ts'
import { isAlive } from '../../session/session.ts'
import { compiledQuery } from '../../store/compiled-query.ts'
import { type LockMode, type Tx, withLock } from '../../store/store.ts'
import { artifactHash } from '../adapter/artifact-hash.ts'
import { knownSession, sessionColumns } from '../adapter/read-session.ts'
import type { DerivedFrom } from './commit.ts'
import { Refused } from './refusal.ts'
import { isSessionChanged, isTouchDue } from './session-change.ts'
import type { KnownSession, UnitOfWork } from './unit-of-work.ts'

/** @returns the session under its lock; undefined when there is none to lock or it is new */
export async function lockAndCheck(
  tx: Tx,
  work: UnitOfWork,
  from: DerivedFrom,
  at: Instant,
): Promise<KnownSession | undefined> {
  const { sessionUid, offlineGrantId, accountId } = from
  if (offlineGrantId !== undefined) await checkGrant(tx, work, offlineGrantId)
  if (sessionUid === undefined || offlineGrantId !== undefined) {
    if (accountId !== undefined) await checkAccount(tx, work, accountId)
    return undefined
  }
  const isNew = work.savedSession?.payload.uid === sessionUid && !work.loaded.has(sessionUid)
  if (isNew) {
    if (accountId !== undefined) await checkAccount(tx, work, accountId)
    return undefined
  }
  const lock = lockSession[lockMode(work, sessionUid, at)]
  const [row] = await lock(tx, { realmId: work.realm.id, uid: sessionUid })
  if (!row || row.state === 'ended') throw new Refused('session_ended')
  const session = knownSession(row)
  if (!isAlive(session, at)) throw new Refused('session_expired')
  if (row.enabled !== 1 || row.deleted_at !== null) throw new Refused('account_disabled')
  return session
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

/** The lock puts a sign-in before or after the disabling of its account, which changes the row first. */
async function checkAccount(tx: Tx, work: UnitOfWork, accountId: string): Promise<void> {
  const [row] = await lockAccount(tx, { realmId: work.realm.id, accountId })
  if (row?.enabled !== 1 || row.deleted_at !== null) throw new Refused('account_disabled')
}

const lockAccount = compiledQuery(['realmId', 'accountId'], (db, value, on) => {
  const query = db
    .selectFrom('account')
    .select(['enabled', 'deleted_at'])
    .where('id', '=', value.accountId)
    .where('realm_id', '=', value.realmId)
  return withLock(on, query, 'for share')
})

/** A security action deletes offline grants; the lock puts it before or after this request (SR-06). */
async function checkGrant(tx: Tx, work: UnitOfWork, grantId: string): Promise<void> {
  const idHash = artifactHash('Grant', grantId)
  if (work.artifacts.get(idHash)?.isWritten) return
  const query = tx.db.selectFrom('artifact').select('id_hash').where('id_hash', '=', idHash)
  if (!(await withLock(tx, query, 'for share').executeTakeFirst())) throw new Refused('grant_gone')
}
