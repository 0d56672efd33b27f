/** The first administrator of `master`, from KC_BOOTSTRAP_ADMIN_USERNAME and _PASSWORD or a setup link (KZ-94). */

import { addRoles, insertAccount } from '../account/change-account.ts'
import { replacePassword } from '../account/credential.ts'
import type { StoredPassword } from '../account/password.ts'
import type { Instant } from '../ambient/clock.ts'
import { randomUuid } from '../ambient/random.ts'
import type { Queryable, Tx } from '../store/store.ts'
import { defaultRole, findRole } from './effective-roles.ts'
import { masterRealmName } from './import/built-in-objects.ts'
import type { WriteDeps } from './import/write-context.ts'
import type { Realm } from './realm.ts'

export type BootstrapOutcome = 'created' | 'has_administrator' | 'name_taken'

/**
 * Creates the account with the roles `admin` and the default one, unless somebody is administrator already.
 * `master` is the realm in memory; the password was hashed before the transaction.
 */
export async function bootstrapAdmin(
  deps: Pick<WriteDeps, 'random'>,
  tx: Tx,
  master: Realm,
  admin: {
    readonly username: string
    readonly email?: string | undefined
    readonly password: StoredPassword
  },
  at: Instant,
): Promise<BootstrapOutcome> {
  if (await hasAdministrator(tx)) return 'has_administrator'
  const username = admin.username.trim().toLowerCase()
  if (await isNameTaken(tx, master.id, username)) return 'name_taken'
  const id = randomUuid(deps.random)
  await insertAccount(tx, {
    id,
    realmId: master.id,
    username,
    email: admin.email,
    emailVerified: false,
    firstName: undefined,
    lastName: undefined,
    enabled: true,
    attributes: {},
    notBefore: 0,
    serviceAccountClientUuid: undefined,
    createdAt: at,
    representation: {},
  })
  const roles = [findRole(master, undefined, 'admin'), defaultRole(master)]
  await addRoles(
    tx,
    id,
    roles.flatMap((role) => role?.id ?? []),
  )
  await replacePassword(deps, tx, id, admin.password, at)
  return 'created'
}

async function isNameTaken(tx: Tx, realmId: string, username: string): Promise<boolean> {
  const row = await tx.db
    .selectFrom('account')
    .select('id')
    .where('realm_id', '=', realmId)
    .where('username', '=', username)
    .where('deleted_at', 'is', null)
    .executeTakeFirst()
  return row !== undefined
}

/** True when a live account of realm `master` has the role `admin` directly. Decides whether a setup link is printed. */
export async function hasAdministrator(on: Queryable): Promise<boolean> {
  const row = await on.db
    .selectFrom('account_role')
    .innerJoin('account', 'account.id', 'account_role.account_id')
    .innerJoin('role', 'role.id', 'account_role.role_id')
    .innerJoin('realm', 'realm.id', 'role.realm_id')
    .select('account.id')
    .where('realm.name', '=', masterRealmName)
    .where('role.name', '=', 'admin')
    .where('role.client_uuid', 'is', null)
    .where('account.deleted_at', 'is', null)
    .where('account.enabled', '=', 1)
    .limit(1)
    .executeTakeFirst()
  return row !== undefined
}
