/** One account, by the keys that people and protocols have. */
import type { Queryable } from '../store/store.ts'
import type { Account } from './account.ts'
import { accountFromRow, canonicalLoginName, selectAccounts } from './account-row.ts'

/** By id, within its realm. A deleted account is returned with `isDeleted`, for its open deliveries. */
export async function findAccountById(
  on: Queryable,
  realmId: string,
  id: string,
): Promise<Account | undefined> {
  const row = await selectAccounts(on)
    .where('account.id', '=', id)
    .where('account.realm_id', '=', realmId)
    .executeTakeFirst()
  return row && accountFromRow(row)
}

/**
 * By what somebody typed at sign-in: the user name, and the e-mail address where the realm allows it. A user name
 * wins over somebody else's e-mail address of the same text. An address that two accounts have names neither:
 * nobody is signed in as a person whom the server had to guess.
 */
export async function findAccountByLogin(
  on: Queryable,
  realm: { readonly id: string; readonly loginWithEmailAllowed: boolean },
  typed: string,
): Promise<Account | undefined> {
  const name = canonicalLoginName(typed)
  const rows = await selectAccounts(on)
    .where('account.realm_id', '=', realm.id)
    .where('account.deleted_at', 'is', null)
    .where('account.service_account_client_uuid', 'is', null)
    .where((eb) =>
      realm.loginWithEmailAllowed && name.includes('@')
        ? eb.or([eb('account.username', '=', name), eb('account.email', '=', name)])
        : eb('account.username', '=', name),
    )
    .limit(3)
    .execute()
  const byName = rows.find((row) => row.username === name)
  if (byName) return accountFromRow(byName)
  return rows.length === 1 && rows[0] ? accountFromRow(rows[0]) : undefined
}

/** The account that stands for a client in `client_credentials`. */
export async function findServiceAccount(
  on: Queryable,
  realmId: string,
  clientUuid: string,
): Promise<Account | undefined> {
  const row = await selectAccounts(on)
    .where('account.service_account_client_uuid', '=', clientUuid)
    .where('account.realm_id', '=', realmId)
    .where('account.deleted_at', 'is', null)
    .executeTakeFirst()
  return row && accountFromRow(row)
}
