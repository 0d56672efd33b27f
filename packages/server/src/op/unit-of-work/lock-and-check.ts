/**
 * The lock under which a request derives something from a session, and the check that it still may (delivery.md,
 * the lock question). A sign-out takes `for update`, so it comes entirely before or entirely after this.
 */
import type { Instant } from '../../ambient/clock.ts'
import { isAlive, type Session, sessionFromRow } from '../../session/session.ts'
import { type LockMode, type Tx, withLock } from '../../store/store.ts'
import { artifactHash } from '../adapter/artifact-hash.ts'
import type { DerivedFrom } from './commit.ts'
import { Refused } from './refusal.ts'
import { isSessionChanged, isTouchDue } from './session-change.ts'
import type { UnitOfWork } from './unit-of-work.ts'

/** @returns the session under its lock; undefined when there is none to lock or it is new */
export async function lockAndCheck(
  tx: Tx,
  work: UnitOfWork,
  from: DerivedFrom,
  at: Instant,
): Promise<Session | undefined> {
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
  const row = await lockSessionAndAccount(tx, work.realm.id, sessionUid, lockMode(work, sessionUid, at))
  if (!row || row.state === 'ended') throw new Refused('session_ended')
  const session = sessionFromRow(row)
  if (!isAlive(session, at)) throw new Refused('session_expired')
  if (row.account_enabled !== 1 || row.account_deleted_at !== null) throw new Refused('account_disabled')
  return session
}

/** `for share` to derive; a commit that also changes the row takes the stronger lock from the start (edge 22). */
function lockMode(work: UnitOfWork, sessionUid: string, at: Instant): LockMode {
  const loaded = work.loaded.get(sessionUid)
  const isChanged = loaded && (isTouchDue(loaded.session, at) || isSessionChanged(work, loaded.session))
  return isChanged ? 'for no key update' : 'for share'
}

async function lockSessionAndAccount(tx: Tx, realmId: string, sessionUid: string, mode: LockMode) {
  const query = tx.db
    .selectFrom('session')
    .where('uid', '=', sessionUid)
    .where('realm_id', '=', realmId)
    .selectAll('session')
    .select((eb) => [
      eb
        .selectFrom('account')
        .whereRef('account.id', '=', 'session.account_id')
        .select('enabled')
        .as('account_enabled'),
      eb
        .selectFrom('account')
        .whereRef('account.id', '=', 'session.account_id')
        .select('deleted_at')
        .as('account_deleted_at'),
    ])
  return withLock(tx, query, mode).executeTakeFirst()
}

/** The lock puts a sign-in before or after the disabling of its account, which changes the row first. */
async function checkAccount(tx: Tx, work: UnitOfWork, accountId: string): Promise<void> {
  const query = tx.db
    .selectFrom('account')
    .select(['enabled', 'deleted_at'])
    .where('id', '=', accountId)
    .where('realm_id', '=', work.realm.id)
  const row = await withLock(tx, query, 'for share').executeTakeFirst()
  if (row?.enabled !== 1 || row.deleted_at !== null) throw new Refused('account_disabled')
}

/** A security action deletes offline grants; the lock puts it before or after this request (SR-06). */
async function checkGrant(tx: Tx, work: UnitOfWork, grantId: string): Promise<void> {
  const idHash = artifactHash('Grant', grantId)
  if (work.artifacts.get(idHash)?.isWritten) return
  const query = tx.db.selectFrom('artifact').select('id_hash').where('id_hash', '=', idHash)
  if (!(await withLock(tx, query, 'for share').executeTakeFirst())) throw new Refused('grant_gone')
}
