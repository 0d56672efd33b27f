/** Writes a realm draft in one transaction: a new realm, or what a file changes in one that is there. */
import type { Instant } from '../../ambient/clock.ts'
import { randomUuid } from '../../ambient/random.ts'
import { insertKey, keyPublishLeadMs } from '../../key/key.ts'
import { flagOf, objectOf, type Representation } from '../../rp/representation.ts'
import { isOneOf } from '../../store/bulk-rows.ts'
import { type Queryable, type Tx, withLock } from '../../store/store.ts'
import type { RealmTable } from '../../store/tables.ts'
import { changeRealm } from '../change-realm.ts'
import { defaultRoleName, serviceAccount } from './built-in-objects.ts'
import type { PreparedCredentials } from './import-credentials.ts'
import type { PreparedKey } from './import-keys.ts'
import { changedMembers, mergeRepresentation } from './merge-representation.ts'
import { type AccountDraft, notBeforeOf, type RealmDraft } from './realm-draft.ts'
import { openMembers, sealMembers } from './sealed-members.ts'
import { writeAccounts } from './write-accounts.ts'
import { writeClients, writeScopes } from './write-clients.ts'
import { changed, created, type RealmChange, type WriteContext, type WriteDeps } from './write-context.ts'
import { writeGroups, writeRoles } from './write-roles.ts'

/** A draft with everything that takes time made ready: keys generated, passwords hashed. */
export interface PreparedRealm {
  readonly draft: RealmDraft
  readonly keys: readonly PreparedKey[]
  readonly credentials: ReadonlyMap<string, PreparedCredentials>
}

export interface WrittenRealm {
  readonly realmId: string
  readonly isNew: boolean
  readonly changes: readonly RealmChange[]
  readonly omissions: readonly string[]
}

export async function writeRealm(
  deps: WriteDeps,
  tx: Tx,
  prepared: PreparedRealm,
  at: Instant,
): Promise<WrittenRealm> {
  const { draft } = prepared
  const row = await lockRealm(tx, draft.name)
  const realmId = row?.id ?? draft.id ?? randomUuid(deps.random)
  const context: WriteContext = { ...deps, tx, realmId, isNew: !row, at, changes: [], omissions: [] }
  const representation = row ? await updateRealm(context, row, draft) : await insertRealm(context, draft)
  await writeKeys(context, prepared.keys)
  await writeScopes(context, draft.scopes)
  const clients = await writeClients(context, draft.clients, representation)
  const findRole = await writeRoles(context, draft, clients.uuids)
  const groupIds = await writeGroups(context, draft.groups, findRole)
  await writeAccounts(context, withServiceAccounts(draft, clients.freshIds), {
    findRole,
    groupIds,
    clientUuids: clients.uuids,
    credentials: prepared.credentials,
    defaultRoleName: defaultRoleName({ name: draft.name, representation }),
  })
  const isChanged = context.changes.length > 0
  if (isChanged) await changeRealm(tx, realmId)
  return {
    realmId,
    isNew: context.isNew,
    changes: context.changes,
    omissions: [...new Set(context.omissions)],
  }
}

/** Keycloak makes a service account with its client, and exports it with the people. */
function withServiceAccounts(draft: RealmDraft, freshIds: ReadonlySet<string>): readonly AccountDraft[] {
  const served = new Set(draft.accounts.map((account) => account.serviceAccountClientId))
  const missing = draft.clients.filter(
    ({ clientId, representation }) =>
      freshIds.has(clientId) &&
      flagOf(representation, 'serviceAccountsEnabled', false) &&
      !served.has(clientId),
  )
  return [...draft.accounts, ...missing.map(({ clientId }) => serviceAccount(clientId))]
}

function lockRealm(tx: Tx, name: string): Promise<RealmTable | undefined> {
  const query = tx.db.selectFrom('realm').selectAll().where('name', '=', name).where('deleted_at', 'is', null)
  return withLock(tx, query, 'for no key update').executeTakeFirst()
}

async function insertRealm(context: WriteContext, draft: RealmDraft): Promise<Representation> {
  await context.tx.db
    .insertInto('realm')
    .values({
      id: context.realmId,
      name: draft.name,
      enabled: flagOf(draft.representation, 'enabled', true) ? 1 : 0,
      cookie_key: context.random.bytes(5).toString('hex'),
      representation: JSON.stringify(sealMembers(context, draft.representation)),
      not_before: notBeforeOf(draft.representation),
      version: 0,
      created_at: context.at,
      deleted_at: null,
    })
    .execute()
  context.changes.push(created('realm', draft.name))
  return draft.representation
}

async function updateRealm(
  context: WriteContext,
  row: RealmTable,
  draft: RealmDraft,
): Promise<Representation> {
  const before = openMembers(context.secret, JSON.parse(row.representation) as Representation)
  const after = mergeRepresentation(before, draft.representation)
  const members = changedMembers(withoutDigest(before), withoutDigest(after))
  if (members.length === 0) return after
  await context.tx.db
    .updateTable('realm')
    .set({
      enabled: draft.representation['enabled'] == null ? row.enabled : flagOf(after, 'enabled', true) ? 1 : 0,
      representation: JSON.stringify(sealMembers(context, after)),
      // never goes back: what was refused once stays refused (§14.2)
      not_before: Math.max(row.not_before, notBeforeOf(after)),
    })
    .where('id', '=', row.id)
    .execute()
  context.changes.push(changed('realm', row.name, members))
  return after
}

/** Realm attribute with the digest of the file that was imported last. */
export const importDigestAttribute = 'curfew.import.digest'

function withoutDigest(of: Representation): Representation {
  const { [importDigestAttribute]: _, ...attributes } = objectOf(of, 'attributes')
  return { ...of, attributes }
}

async function writeKeys(context: WriteContext, keys: readonly PreparedKey[]): Promise<void> {
  const rows = await context.tx.db
    .selectFrom('realm_key')
    .select('kid')
    .where('realm_id', '=', context.realmId)
    .execute()
  const known = new Set(rows.map((row) => row.kid))
  for (const { jwk, status, priority, certificate } of keys) {
    if (!jwk.kid || known.has(jwk.kid)) continue
    // I8: in a realm that is in use, receivers fetch a key before it signs
    const usableAt = context.isNew ? context.at : context.at + keyPublishLeadMs
    await insertKey(
      context,
      context.tx,
      { realmId: context.realmId, jwk, status, priority, usableAt, certificate },
      context.at,
    )
    context.changes.push(created('key', `${jwk.alg} ${jwk.kid}`))
  }
}

/** Ids of the draft that rows of other realms have, as `accounts: <id>`; nothing can be imported with them. */
export async function findForeignIds(on: Queryable, draft: RealmDraft): Promise<readonly string[]> {
  const tables = [
    ['account', 'users', draft.accounts],
    ['client', 'clients', draft.clients],
    ['role', 'roles', draft.roles],
    ['group_', 'groups', draft.groups],
    ['client_scope', 'clientScopes', draft.scopes],
  ] as const
  const found: string[] = []
  for (const [table, member, items] of tables) {
    const ids = items.flatMap((item) => item.id ?? [])
    if (ids.length === 0) continue
    const rows = await on.db
      .selectFrom(table)
      .innerJoin('realm', 'realm.id', 'realm_id')
      .select(['realm.name as realmName', `${table}.id as id`])
      .where('realm.name', '!=', draft.name)
      .where(isOneOf(on, `${table}.id`, ids))
      .limit(10)
      .execute()
    found.push(...rows.map((row) => `${member}: the id ${row.id} is used in realm "${row.realmName}"`))
  }
  return found
}
