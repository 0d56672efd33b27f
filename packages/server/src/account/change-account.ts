/** Writes of accounts: create, update, disable by update, delete as a tombstone, roles and groups. */
import type { Instant } from '../ambient/clock.ts'
import type { Tx } from '../store/store.ts'
import type { Account } from './account.ts'
import { type AccountFields, canonicalLoginName, rowFromAccount } from './account-row.ts'

/** Inserts an account. The caller has checked that the user name is free; the unique index decides a race. */
export async function insertAccount(tx: Tx, account: AccountFields): Promise<void> {
  await tx.db.insertInto('account').values(rowFromAccount(account)).execute()
}

export type AccountChange = Partial<
  Pick<Account, 'username' | 'emailVerified' | 'enabled' | 'attributes' | 'representation' | 'notBefore'>
> & {
  /** null removes the value. */
  readonly email?: string | null
  readonly firstName?: string | null
  readonly lastName?: string | null
}

/** Changes the given members; the others stay. False when there is no such account (any more). */
export async function updateAccount(
  tx: Tx,
  realmId: string,
  id: string,
  change: AccountChange,
): Promise<boolean> {
  const set = columnsOf(change)
  if (Object.keys(set).length === 0) return true
  const result = await tx.db
    .updateTable('account')
    .set(set)
    .where('id', '=', id)
    .where('realm_id', '=', realmId)
    .where('deleted_at', 'is', null)
    .executeTakeFirst()
  return result.numUpdatedRows > 0n
}

function columnsOf(change: AccountChange) {
  const {
    username,
    email,
    emailVerified,
    firstName,
    lastName,
    enabled,
    attributes,
    representation,
    notBefore,
  } = change
  return {
    ...(username === undefined ? {} : { username: canonicalLoginName(username) }),
    ...(email === undefined ? {} : { email: email === null ? null : canonicalLoginName(email) }),
    ...(emailVerified === undefined ? {} : { email_verified: emailVerified ? 1 : 0 }),
    ...(firstName === undefined ? {} : { first_name: firstName }),
    ...(lastName === undefined ? {} : { last_name: lastName }),
    ...(enabled === undefined ? {} : { enabled: enabled ? 1 : 0 }),
    ...(attributes === undefined ? {} : { attributes: JSON.stringify(attributes) }),
    ...(representation === undefined ? {} : { representation: JSON.stringify(representation) }),
    ...(notBefore === undefined ? {} : { not_before: notBefore }),
  }
}

/**
 * Leaves a tombstone: its applications are still told with the `sub` that they knew (KQ-14). Its credentials,
 * roles and groups go at once. The caller ends its sessions in the same transaction.
 */
export async function deleteAccount(tx: Tx, realmId: string, id: string, at: Instant): Promise<boolean> {
  const result = await tx.db
    .updateTable('account')
    .set({ deleted_at: at, enabled: 0 })
    .where('id', '=', id)
    .where('realm_id', '=', realmId)
    .where('deleted_at', 'is', null)
    .executeTakeFirst()
  if (result.numUpdatedRows === 0n) return false
  await tx.db.deleteFrom('credential').where('account_id', '=', id).execute()
  await tx.db.deleteFrom('account_role').where('account_id', '=', id).execute()
  await tx.db.deleteFrom('account_group').where('account_id', '=', id).execute()
  return true
}

/** Gives roles; the ones that the account has already stay as they are. */
export async function addRoles(tx: Tx, accountId: string, roleIds: readonly string[]): Promise<void> {
  if (roleIds.length === 0) return
  await tx.db
    .insertInto('account_role')
    .values(roleIds.map((roleId) => ({ account_id: accountId, role_id: roleId })))
    .onConflict((conflict) => conflict.doNothing())
    .execute()
}

export async function removeRoles(tx: Tx, accountId: string, roleIds: readonly string[]): Promise<void> {
  if (roleIds.length === 0) return
  await tx.db
    .deleteFrom('account_role')
    .where('account_id', '=', accountId)
    .where('role_id', 'in', roleIds)
    .execute()
}

export async function addGroups(tx: Tx, accountId: string, groupIds: readonly string[]): Promise<void> {
  if (groupIds.length === 0) return
  await tx.db
    .insertInto('account_group')
    .values(groupIds.map((groupId) => ({ account_id: accountId, group_id: groupId })))
    .onConflict((conflict) => conflict.doNothing())
    .execute()
}
