/**
 * Makes everything void that was given out before now: for a database that was put back from a copy. What ended,
 * was revoked or was used after the copy was made looks unused in it, and nobody can tell one from the other (R26).
 */
import { type Instant, toNumericDate } from '../ambient/clock.ts'
import type { Random } from '../ambient/random.ts'
import { changeRealm } from '../realm/change-realm.ts'
import { closeDoors } from '../sign-out/close-doors.ts'
import { insertSignOut, newSignOutId } from '../sign-out/closing.ts'
import type { SignOutCommand } from '../sign-out/sign-out-command.ts'
import type { Store, Tx } from '../store/store.ts'

/** All realms in one transaction: one that is left out would be open. Returns how many sessions were signed out. */
export function voidBefore(store: Store, random: Random): Promise<number> {
  const at = store.clock.now()
  return store.transact(async (tx) => {
    const realms = await tx.db.selectFrom('realm').select('id').execute()
    let count = 0
    for (const { id } of realms) count += await voidRealm(tx, random, id, at)
    // confirm forms, setup links and assertions that were used since are not used once more
    await tx.db.deleteFrom('handle').execute()
    return count
  })
}

async function voidRealm(tx: Tx, random: Random, realmId: string, at: Instant): Promise<number> {
  const command: SignOutCommand = {
    realmId,
    scope: { kind: 'realm' },
    kind: 'security',
    cause: 'restored',
    initiator: 'admin',
    actor: {},
  }
  const id = newSignOutId({ random })
  const row = { id, sessionUid: undefined, accountId: undefined, parentId: undefined, applicationCount: 0 }
  await insertSignOut(tx, command, { ...row, completedAt: undefined }, at)
  await tx.db
    .updateTable('realm')
    .set({ not_before: toNumericDate(at) })
    .where('id', '=', realmId)
    .execute()
  await tx.db.deleteFrom('artifact').where('realm_id', '=', realmId).execute()
  await changeRealm(tx, realmId)
  return closeDoors(tx, { signOutId: id, realmId }, at)
}
