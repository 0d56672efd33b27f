/** Makes an account out of a UserRepresentation (KQ-30, KQ-31). */
import { canonicalLoginName } from '../account/account-row.ts'
import { addGroups, addRoles, insertAccount } from '../account/change-account.ts'
import { replacePassword } from '../account/credential.ts'
import { randomUuid } from '../ambient/random.ts'
import { recordAdminEvent } from '../event/record-admin-event.ts'
import { defaultRole } from '../realm/effective-roles.ts'
import type { Realm } from '../realm/realm.ts'
import { textsOf } from '../rp/representation.ts'
import type { Queryable } from '../store/store.ts'
import { type AdminCall, type AdminDeps, authOf } from './admin-call.ts'
import { changeFromBody, passwordOf, type UserBody } from './user-body.ts'

export type CreateUserResult =
  | { readonly ok: true; readonly id: string }
  | { readonly ok: false; readonly reason: 'username_missing' | 'username_taken' | 'email_taken' | 'busy' }

export async function createUser(
  deps: AdminDeps,
  call: AdminCall,
  body: UserBody,
): Promise<CreateUserResult> {
  const { realm } = call
  const username = body.username?.trim()
  if (!username) return { ok: false, reason: 'username_missing' }
  const taken = await nameTaken(deps.store.read, realm, body)
  if (taken) return { ok: false, reason: `${taken}_taken` }
  const password = passwordOf(body.credentials)
  const stored = password === undefined ? undefined : await deps.passwords.hash(password)
  if (stored === 'busy') return { ok: false, reason: 'busy' }
  const id = randomUuid(deps.random)
  const roleId = defaultRole(realm)?.id
  const at = deps.ambient.clock.now()
  const { username: _, email, firstName, lastName, ...change } = changeFromBody(body, {})
  const { credentials: __, ...shown } = body
  try {
    await deps.store.transact(async (tx) => {
      await insertAccount(tx, {
        id,
        realmId: realm.id,
        username,
        email: email ?? undefined,
        firstName: firstName ?? undefined,
        lastName: lastName ?? undefined,
        emailVerified: false,
        // as Keycloak: whoever leaves it out gets an account that cannot sign in yet
        enabled: false,
        attributes: {},
        representation: {},
        ...change,
        notBefore: 0,
        serviceAccountClientUuid: undefined,
        createdAt: at,
      })
      await addRoles(tx, id, roleId === undefined ? [] : [roleId])
      await addGroups(
        tx,
        id,
        groupIdsByPath(realm, textsOf(body as Readonly<Record<string, unknown>>, 'groups')),
      )
      if (stored) await replacePassword(deps, tx, id, stored, at)
      const event = {
        realm,
        operationType: 'CREATE',
        resourceType: 'USER',
        resourcePath: `users/${id}`,
      } as const
      await recordAdminEvent(deps, tx, { ...event, auth: authOf(call), representation: shown }, at)
    })
  } catch (error) {
    // two creations at once: the unique index let one through
    if (await nameTaken(deps.store.read, realm, { username })) return { ok: false, reason: 'username_taken' }
    throw error
  }
  return { ok: true, id }
}

/** Which of the names of `body` another account of the realm has. */
export async function nameTaken(
  on: Queryable,
  realm: Realm,
  body: Pick<UserBody, 'username' | 'email'>,
  ownId = '',
): Promise<'username' | 'email' | undefined> {
  const mayShareEmail = realm.representation['duplicateEmailsAllowed'] === true
  for (const [column, value] of [
    ['username', body.username],
    ['email', mayShareEmail ? undefined : body.email],
  ] as const) {
    if (!value) continue
    const row = await on.db
      .selectFrom('account')
      .select('id')
      .where('realm_id', '=', realm.id)
      .where(column, '=', canonicalLoginName(value))
      .where('deleted_at', 'is', null)
      .where('id', '!=', ownId)
      .executeTakeFirst()
    if (row) return column
  }
  return undefined
}

function groupIdsByPath(realm: Realm, paths: readonly string[]): readonly string[] {
  return [...realm.groups.values()].filter((group) => paths.includes(group.path)).map((group) => group.id)
}
