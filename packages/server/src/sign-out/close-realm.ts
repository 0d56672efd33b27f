/** Signs everybody of a realm out: every door with one statement, the deliveries in chunks of the low class (D10, D18). */
import { type Instant, toNumericDate } from '../ambient/clock.ts'
import { changeRealm } from '../realm/change-realm.ts'
import type { Tx } from '../store/store.ts'
import { closeDoors } from './close-doors.ts'
import { type ClosingDeps, newSignOutId, recordSignOut } from './closing.ts'
import type { SignOutCommand, SignOutResult, SignOutScope } from './sign-out-command.ts'

export async function closeRealm(
  deps: ClosingDeps,
  tx: Tx,
  command: SignOutCommand,
  { exceptSessionUid }: Extract<SignOutScope, { kind: 'realm' }>,
  at: Instant,
): Promise<SignOutResult> {
  const id = newSignOutId(deps)
  const row = { id, sessionUid: undefined, accountId: undefined, parentId: undefined, applicationCount: 0 }
  await recordSignOut(deps, tx, command, { ...row, completedAt: undefined }, at)
  await closeDoors(tx, { signOutId: id, realmId: command.realmId, exceptSessionUid }, at)
  if (command.kind === 'security' && exceptSessionUid === undefined)
    await refuseEarlierTokens(tx, command.realmId, at)
  await deps.gate('signOut.beforeCommit', command.realmId)
  return { ok: true, signOutId: id, isFirst: true, applicationCount: 0 }
}

/** KQ-03: offline grants end as well, and every token issued until now is refused. */
async function refuseEarlierTokens(tx: Tx, realmId: string, at: Instant): Promise<void> {
  await tx.db.deleteFrom('artifact').where('realm_id', '=', realmId).where('is_offline', '=', 1).execute()
  await tx.db
    .updateTable('realm')
    .set({ not_before: toNumericDate(at) })
    .where('id', '=', realmId)
    .execute()
  await changeRealm(tx, realmId)
}
