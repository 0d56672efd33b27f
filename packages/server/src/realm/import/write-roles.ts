/** Writes roles with their composites, and groups with their roles. */
import { randomUuid } from '../../ambient/random.ts'
import { type Representation, textsOf } from '../../rp/representation.ts'
import { insertRows } from '../../store/bulk-rows.ts'
import { changedMembers, mergeRepresentation } from './merge-representation.ts'
import type { GroupDraft, RealmDraft, RoleDraft, RoleNames } from './realm-draft.ts'
import { changed, created, type WriteContext } from './write-context.ts'

/** Finds the id of a role by its client (undefined = the realm) and name. */
export type RoleIds = (clientId: string | undefined, name: string) => string | undefined

/** Ids of clients by `client_id`, from `writeClients`. */
type ClientUuids = ReadonlyMap<string, string>

export async function writeRoles(
  context: WriteContext,
  draft: RealmDraft,
  clientUuids: ClientUuids,
): Promise<RoleIds> {
  const { tx, realmId } = context
  const rows = context.isNew
    ? []
    : await tx.db.selectFrom('role').selectAll().where('realm_id', '=', realmId).execute()
  const stored = new Map(rows.map((row) => [keyOf(row.client_uuid ?? undefined, row.name), row]))
  const ids = new Map(rows.map((row) => [keyOf(row.client_uuid ?? undefined, row.name), row.id]))
  const drafts = writable(context, [...draft.roles, ...undefinedRoles(draft, clientUuids, ids)], clientUuids)
  for (const { key, role } of drafts) if (!ids.has(key)) ids.set(key, role.id ?? randomUuid(context.random))

  const find: RoleIds = (clientId, name) => {
    const clientUuid = clientId === undefined ? undefined : clientUuids.get(clientId)
    return clientId !== undefined && clientUuid === undefined ? undefined : ids.get(keyOf(clientUuid, name))
  }
  const fresh = drafts.filter(({ key }) => !stored.has(key))
  await insertRows(
    tx,
    'role',
    fresh.map(({ key, role, clientUuid }) => ({
      id: ids.get(key) as string,
      realm_id: realmId,
      client_uuid: clientUuid ?? null,
      name: role.name,
      representation: JSON.stringify(withComposites(context, role, find)),
    })),
  )
  context.changes.push(...fresh.map(({ role }) => created('role', titleOf(role))))
  for (const { key, role } of drafts) {
    const row = stored.get(key)
    if (!row) continue
    const before = JSON.parse(row.representation) as Representation
    const after = mergeRepresentation(before, withComposites(context, role, find))
    const members = changedMembers(before, after)
    if (members.length === 0) continue
    await tx.db
      .updateTable('role')
      .set({ representation: JSON.stringify(after) })
      .where('id', '=', row.id)
      .execute()
    context.changes.push(changed('role', titleOf(role), members))
  }
  return find
}

const keyOf = (clientUuid: string | undefined, name: string): string => `${clientUuid ?? ''}/${name}`
const titleOf = (role: RoleDraft): string =>
  role.clientId === undefined ? role.name : `${role.clientId}/${role.name}`

interface WritableRole {
  readonly key: string
  readonly role: RoleDraft
  readonly clientUuid: string | undefined
}

/** Each role once, without those of clients that are not there. */
function writable(
  context: WriteContext,
  roles: readonly RoleDraft[],
  clientUuids: ClientUuids,
): readonly WritableRole[] {
  const found = new Map<string, WritableRole>()
  for (const role of roles) {
    const clientUuid = role.clientId === undefined ? undefined : clientUuids.get(role.clientId)
    if (role.clientId !== undefined && clientUuid === undefined) {
      context.omissions.push(`the role ${titleOf(role)}: there is no client "${role.clientId}"`)
      continue
    }
    const key = keyOf(clientUuid, role.name)
    if (!found.has(key)) found.set(key, { key, role, clientUuid })
  }
  return [...found.values()]
}

/** Roles that people, groups or composites name and nothing defines. Keycloak creates them; so do we. */
function undefinedRoles(
  draft: RealmDraft,
  clientUuids: ClientUuids,
  ids: ReadonlyMap<string, string>,
): readonly RoleDraft[] {
  const named: RoleNames[] = [
    ...draft.accounts.map((account) => account.roles),
    ...draft.groups.map((group) => group.roles),
    ...draft.roles.map((role) => role.composites),
  ]
  const found = new Map<string, RoleDraft>()
  const add = (clientId: string | undefined, name: string): void => {
    const clientUuid = clientId === undefined ? undefined : clientUuids.get(clientId)
    if (clientId !== undefined && clientUuid === undefined) return
    const key = keyOf(clientUuid, name)
    if (ids.has(key) || found.has(key)) return
    const composites = { realm: undefined, clients: undefined }
    found.set(key, { id: undefined, clientId, name, representation: {}, composites })
  }
  for (const { realm, clients } of named) {
    for (const name of realm ?? []) add(undefined, name)
    for (const [clientId, names] of Object.entries(clients ?? {}))
      for (const name of names) add(clientId, name)
  }
  return [...found.values()]
}

function withComposites(context: WriteContext, role: RoleDraft, find: RoleIds): Representation {
  if (role.composites.realm === undefined && role.composites.clients === undefined) return role.representation
  return {
    ...role.representation,
    compositeIds: roleIdsOf(context, role.composites, find, `the role ${titleOf(role)}`),
  }
}

/** Ids of named roles, sorted; what names a client that is not there is reported. */
export function roleIdsOf(
  context: WriteContext,
  names: RoleNames,
  find: RoleIds,
  owner: string,
): readonly string[] {
  const found: string[] = []
  const add = (clientId: string | undefined, name: string): void => {
    const id = find(clientId, name)
    if (id === undefined) context.omissions.push(`a role of ${owner}: there is no client "${clientId}"`)
    else found.push(id)
  }
  for (const name of names.realm ?? []) add(undefined, name)
  for (const [clientId, list] of Object.entries(names.clients ?? {}))
    for (const name of list) add(clientId, name)
  return [...new Set(found)].sort()
}

/** Returns the id of every group of the realm by its path. */
export async function writeGroups(
  context: WriteContext,
  drafts: readonly GroupDraft[],
  find: RoleIds,
): Promise<ReadonlyMap<string, string>> {
  const { tx, realmId } = context
  const rows = context.isNew
    ? []
    : await tx.db.selectFrom('group_').selectAll().where('realm_id', '=', realmId).execute()
  const stored = new Map(rows.map((row) => [row.path, row]))
  const ids = new Map(rows.map((row) => [row.path, row.id]))
  for (const draft of drafts) {
    const row = stored.get(draft.path)
    const file = groupRepresentation(context, draft, find)
    if (!row) {
      const id = draft.id ?? randomUuid(context.random)
      ids.set(draft.path, id)
      await tx.db
        .insertInto('group_')
        .values({
          id,
          realm_id: realmId,
          parent_id: draft.parentPath === undefined ? null : (ids.get(draft.parentPath) ?? null),
          name: draft.name,
          path: draft.path,
          representation: JSON.stringify(file),
        })
        .execute()
      context.changes.push(created('group', draft.path))
      continue
    }
    const before = JSON.parse(row.representation) as Representation
    const after = mergeRepresentation(before, file)
    const members = changedMembers(before, after)
    if (members.length === 0) continue
    await tx.db
      .updateTable('group_')
      .set({ representation: JSON.stringify(after) })
      .where('id', '=', row.id)
      .execute()
    context.changes.push(changed('group', draft.path, members))
  }
  return ids
}

function groupRepresentation(context: WriteContext, draft: GroupDraft, find: RoleIds): Representation {
  if (draft.roles.realm === undefined && draft.roles.clients === undefined) return draft.representation
  return {
    ...draft.representation,
    roleIds: roleIdsOf(context, draft.roles, find, `the group ${draft.path}`),
  }
}

/** Adds roles to those that a role contains. True when one was missing. */
export async function addComposites(
  context: WriteContext,
  roleId: string,
  added: readonly string[],
): Promise<boolean> {
  const row = await context.tx.db
    .selectFrom('role')
    .select('representation')
    .where('id', '=', roleId)
    .executeTakeFirstOrThrow()
  const representation = JSON.parse(row.representation) as Representation
  const before = textsOf(representation, 'compositeIds')
  const after = [...new Set([...before, ...added])].sort()
  if (after.length === before.length) return false
  await context.tx.db
    .updateTable('role')
    .set({ representation: JSON.stringify({ ...representation, compositeIds: after }) })
    .where('id', '=', roleId)
    .execute()
  return true
}
