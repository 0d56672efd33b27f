/** The roles that a token may name, in a form that mappers can add to and rename in. */
import type { Account } from '../../account/account.ts'
import { type EffectiveRoles, effectiveRoles } from '../../realm/effective-roles.ts'
import type { Realm } from '../../realm/realm.ts'
import type { Client } from '../../rp/client.ts'
import { objectOf, objectsOf, type Representation, textsOf } from '../../rp/representation.ts'

/** Names, by place. */
export interface GrantedRoles {
  readonly realm: Set<string>
  /** By `client_id`. */
  readonly clients: Map<string, Set<string>>
}

export function grantedRoles(
  realm: Realm,
  client: Client,
  account: Account,
  scopeNames: readonly string[],
): GrantedRoles {
  const effective = keptRoles(realm, client, account, scopeNames)
  return {
    realm: new Set(effective.realm),
    clients: new Map(
      Object.entries(effective.clients).map(([clientId, names]) => [clientId, new Set(names)]),
    ),
  }
}

/** Most people of a realm have the same few sets of roles; what comes out of one is worked out once. */
const keptCountMax = 1000
const kept = new WeakMap<Realm, Map<string, EffectiveRoles>>()

function keptRoles(
  realm: Realm,
  client: Client,
  account: Account,
  scopeNames: readonly string[],
): EffectiveRoles {
  const ofRealm = kept.get(realm) ?? new Map<string, EffectiveRoles>()
  kept.set(realm, ofRealm)
  const key = `${client.uuid}|${scopeNames}|${account.roleIds}|${account.groupIds}`
  const known = ofRealm.get(key)
  if (known) return known
  const roles = effectiveRoles(realm, account, client, scopeNames)
  if (ofRealm.size >= keptCountMax) ofRealm.delete(ofRealm.keys().next().value as string)
  ofRealm.set(key, roles)
  return roles
}

export function addClientRole(granted: GrantedRoles, clientId: string, name: string): void {
  const names = granted.clients.get(clientId)
  if (names) names.add(name)
  else granted.clients.set(clientId, new Set([name]))
}

/** A realm role, or a role of the client. */
export interface RoleName {
  readonly clientId: string | undefined
  readonly name: string
}

/** Roles of which an account needs one for a client scope to apply to it; none = it applies to all. */
export function rolesForScope(realm: Realm, scopeName: string): readonly RoleName[] {
  const namesIn = (mappings: readonly Representation[]): readonly string[] =>
    mappings.filter((item) => item['clientScope'] === scopeName).flatMap((item) => textsOf(item, 'roles'))
  const found: RoleName[] = namesIn(objectsOf(realm.representation, 'scopeMappings')).map((name) => ({
    clientId: undefined,
    name,
  }))
  const byClient = objectOf(realm.representation, 'clientScopeMappings')
  for (const clientId of Object.keys(byClient)) {
    for (const name of namesIn(objectsOf(byClient, clientId))) found.push({ clientId, name })
  }
  return found
}

export function hasAnyRole(realm: Realm, account: Account, wanted: readonly RoleName[]): boolean {
  const held: EffectiveRoles = effectiveRoles(realm, account)
  return wanted.some(({ clientId, name }) =>
    clientId === undefined ? held.realm.includes(name) : held.clients[clientId]?.includes(name),
  )
}
