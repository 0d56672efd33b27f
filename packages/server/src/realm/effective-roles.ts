/** Which roles a token carries: what the account has, cut down to what the client may see. */
import type { Account } from '../account/account.ts'
import type { Client } from '../rp/client.ts'
import { objectOf, objectsOf, type Representation, textOf, textsOf } from '../rp/representation.ts'
import type { Group, Realm, Role } from './realm.ts'

export interface EffectiveRoles {
  /** Names, sorted. */
  readonly realm: readonly string[]
  /** By `client_id`; only clients with a role. Names, sorted. */
  readonly clients: Readonly<Record<string, readonly string[]>>
}

/**
 * The roles of an account: given directly, by its groups and their parents, and by composites.
 *
 * With a client that has not `fullScopeAllowed`: only its own roles and those that scope mappings give it or one
 * of its client scopes. `scopeNames` are the client scopes in play, by default the client's default ones.
 */
export function effectiveRoles(
  realm: Realm,
  account: Pick<Account, 'roleIds' | 'groupIds'>,
  client?: Client,
  scopeNames?: readonly string[],
): EffectiveRoles {
  const held = expand(realm, [
    ...account.roleIds,
    ...account.groupIds.flatMap((id) => groupRoleIds(realm, id)),
  ])
  if (!client || client.fullScopeAllowed) return named(realm, held)
  const allowed = rolesInScope(realm, client, scopeNames ?? client.defaultClientScopes)
  return named(
    realm,
    [...held].filter((role) => allowed.has(role)),
  )
}

/** Groups deeper than this are not followed: the tables cannot hold a cycle, a hand-made row could. */
const groupDepthMax = 32

function groupRoleIds(realm: Realm, groupId: string): readonly string[] {
  const found: string[] = []
  let group: Group | undefined = realm.groups.get(groupId)
  for (let depth = 0; group && depth < groupDepthMax; depth += 1) {
    found.push(...group.roleIds)
    group = group.parentId === undefined ? undefined : realm.groups.get(group.parentId)
  }
  return found
}

/** The roles and all that they contain, each once; a cycle of composites ends here. */
function expand(realm: Realm, roleIds: readonly string[]): ReadonlySet<Role> {
  const found = new Set<Role>()
  const open = [...roleIds]
  for (let id = open.pop(); id !== undefined; id = open.pop()) {
    const role = realm.roles.get(id)
    if (!role || found.has(role)) continue
    found.add(role)
    open.push(...role.composites)
  }
  return found
}

/** Keycloak's rule: a client's own roles, its scope mappings, and those of the client scopes in play. */
function rolesInScope(realm: Realm, client: Client, scopeNames: readonly string[]): ReadonlySet<Role> {
  const names = new Set(scopeNames)
  const isMeant = (mapping: Representation): boolean =>
    textOf(mapping, 'client') === client.clientId || names.has(textOf(mapping, 'clientScope') ?? '')
  const ids = [...realm.roles.values()]
    .filter((role) => role.clientUuid === client.uuid)
    .map((role) => role.id)
  for (const mapping of objectsOf(realm.representation, 'scopeMappings').filter(isMeant)) {
    ids.push(...roleIdsByName(realm, undefined, textsOf(mapping, 'roles')))
  }
  const byOwner = objectOf(realm.representation, 'clientScopeMappings')
  for (const owner of Object.keys(byOwner)) {
    const uuid = realm.clients.get(owner)?.uuid
    if (uuid === undefined) continue
    for (const mapping of objectsOf(byOwner, owner).filter(isMeant)) {
      ids.push(...roleIdsByName(realm, uuid, textsOf(mapping, 'roles')))
    }
  }
  return expand(realm, ids)
}

function roleIdsByName(
  realm: Realm,
  clientUuid: string | undefined,
  names: readonly string[],
): readonly string[] {
  return names.flatMap((name) => findRole(realm, clientUuid, name)?.id ?? [])
}

/** A realm role, or a role of the client with this uuid, by name. */
export function findRole(realm: Realm, clientUuid: string | undefined, name: string): Role | undefined {
  return rolesByName(realm).get(`${clientUuid ?? ''}/${name}`)
}

/** A realm never changes, so its index is made once. */
const indexes = new WeakMap<Realm, ReadonlyMap<string, Role>>()

function rolesByName(realm: Realm): ReadonlyMap<string, Role> {
  const known = indexes.get(realm)
  if (known) return known
  const index = new Map(
    [...realm.roles.values()].map((role) => [`${role.clientUuid ?? ''}/${role.name}`, role]),
  )
  indexes.set(realm, index)
  return index
}

/** `default-roles-{realm}`: the role that every new account is given. */
export function defaultRole(realm: Realm): Role | undefined {
  const name = textOf(objectOf(realm.representation, 'defaultRole'), 'name')
  return findRole(realm, undefined, name ?? `default-roles-${realm.name.toLowerCase()}`)
}

function named(realm: Realm, roles: Iterable<Role>): EffectiveRoles {
  const own: string[] = []
  const clients = new Map<string, string[]>()
  for (const role of roles) {
    const client = role.clientUuid === undefined ? undefined : realm.clientsByUuid.get(role.clientUuid)
    if (role.clientUuid === undefined) own.push(role.name)
    else if (client && !client.isDeleted) {
      clients.set(client.clientId, [...(clients.get(client.clientId) ?? []), role.name])
    }
  }
  const sorted = [...clients]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([id, names]) => [id, names.sort()] as const)
  return { realm: own.sort(), clients: Object.fromEntries(sorted) }
}
