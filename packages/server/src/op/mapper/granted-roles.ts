/**
 * The roles that a token may name: those of the account (given directly, by its groups and their parents, and
 * inside composite roles), cut to what the client may see unless it has the full scope.
 */
import type { Account } from '../../account/account.ts'
import type { Realm, Role } from '../../realm/realm.ts'
import type { Client } from '../../rp/client.ts'

/** Names, by place. Mappers add to and rename in it while claims are made. */
export interface GrantedRoles {
  readonly realm: Set<string>
  /** By `client_id`. */
  readonly clients: Map<string, Set<string>>
}

/** Group trees deeper than this are cut; it also ends a cycle in broken data. */
const groupDepthMax = 32

export function grantedRoles(
  realm: Realm,
  client: Client,
  account: Account,
  scopeNames: readonly string[],
): GrantedRoles {
  const granted: GrantedRoles = { realm: new Set(), clients: new Map() }
  const visible = client.fullScopeAllowed ? undefined : visibleRoleIds(realm, client, scopeNames)
  for (const id of accountRoleIds(realm, account)) {
    const role = realm.roles.get(id)
    if (role && (!visible || visible.has(id))) addRole(realm, granted, role)
  }
  return granted
}

export function addRole(realm: Realm, granted: GrantedRoles, role: Pick<Role, 'name' | 'clientUuid'>): void {
  if (!role.clientUuid) {
    granted.realm.add(role.name)
    return
  }
  const clientId = realm.clientsByUuid.get(role.clientUuid)?.clientId
  if (clientId) addClientRole(granted, clientId, role.name)
}

export function addClientRole(granted: GrantedRoles, clientId: string, name: string): void {
  const names = granted.clients.get(clientId)
  if (names) names.add(name)
  else granted.clients.set(clientId, new Set([name]))
}

/** Ids of every role that the account has, composites opened. */
export function accountRoleIds(realm: Realm, account: Account): ReadonlySet<string> {
  const direct = [...account.roleIds]
  for (const groupId of account.groupIds) {
    let group = realm.groups.get(groupId)
    for (let depth = 0; group && depth < groupDepthMax; depth++) {
      direct.push(...group.roleIds)
      group = group.parentId === undefined ? undefined : realm.groups.get(group.parentId)
    }
  }
  return openComposites(realm, direct)
}

function openComposites(realm: Realm, ids: Iterable<string>): ReadonlySet<string> {
  const all = new Set(ids)
  // a Set is walked in the order of insertion, so what is added here is visited too, once
  for (const id of all) for (const inner of realm.roles.get(id)?.composites ?? []) all.add(inner)
  return all
}

/** Without the full scope: the client's own roles and the scope mappings of the client and its client scopes. */
function visibleRoleIds(realm: Realm, client: Client, scopeNames: readonly string[]): ReadonlySet<string> {
  const own = [...realm.roles.values()]
    .filter((role) => role.clientUuid === client.uuid)
    .map((role) => role.id)
  const mapped = scopeMappingsOf(realm)
  const ids = [...own, ...(mapped.byClient.get(client.clientId) ?? [])]
  for (const name of scopeNames) ids.push(...(mapped.byScope.get(name) ?? []))
  return openComposites(realm, ids)
}

interface ScopeMappings {
  /** Role ids by `client_id`. */
  readonly byClient: ReadonlyMap<string, readonly string[]>
  /** Role ids by name of the client scope. */
  readonly byScope: ReadonlyMap<string, readonly string[]>
}

const known = new WeakMap<Realm, ScopeMappings>()

/** The export's `scopeMappings` (realm roles) and `clientScopeMappings` (client roles, by `client_id`). */
export function scopeMappingsOf(realm: Realm): ScopeMappings {
  const kept = known.get(realm)
  if (kept) return kept
  const byClient = new Map<string, string[]>()
  const byScope = new Map<string, string[]>()
  const ids = new Map<string, string>()
  for (const role of realm.roles.values()) ids.set(roleKey(role.clientUuid, role.name), role.id)
  const read = (entries: unknown, clientUuid: string | undefined): void => {
    for (const entry of listOfRecords(entries)) {
      const found = listOfTexts(entry['roles']).map((name) => ids.get(roleKey(clientUuid, name)))
      const roleIds = found.filter((id) => id !== undefined)
      append(byClient, entry['client'], roleIds)
      append(byScope, entry['clientScope'], roleIds)
    }
  }
  read(realm.representation['scopeMappings'], undefined)
  for (const [clientId, entries] of Object.entries(realm.representation['clientScopeMappings'] ?? {})) {
    const uuid = realm.clients.get(clientId)?.uuid
    if (uuid) read(entries, uuid)
  }
  const mappings = { byClient, byScope }
  known.set(realm, mappings)
  return mappings
}

const roleKey = (clientUuid: string | undefined, name: string): string => `${clientUuid ?? ''}/${name}`

function append(map: Map<string, string[]>, key: unknown, ids: readonly string[]): void {
  if (typeof key === 'string') map.set(key, [...(map.get(key) ?? []), ...ids])
}

function listOfRecords(value: unknown): readonly Record<string, unknown>[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === 'object' && item !== null) : []
}

function listOfTexts(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : []
}
