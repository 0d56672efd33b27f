/**
 * Which administrator may do what: Keycloak's roles. In `master` the realm role `admin` opens every realm and the
 * roles of the client `{realm}-realm` open one; in any other realm the roles of its client `realm-management` do.
 */
import { effectiveRoles } from '../realm/effective-roles.ts'
import type { Realm } from '../realm/realm.ts'
import type { AdminCaller } from './admin-call.ts'

export type AdminRole =
  | 'view-realm'
  | 'manage-realm'
  | 'view-users'
  | 'query-users'
  | 'manage-users'
  | 'view-clients'
  | 'query-clients'
  | 'manage-clients'
  | 'view-events'
  | 'manage-events'

export const viewRealm = ['view-realm', 'manage-realm'] as const
export const viewUsers = ['view-users', 'manage-users'] as const
export const manageUsers = ['manage-users'] as const
export const viewClients = ['view-clients', 'manage-clients'] as const
export const manageClients = ['manage-clients'] as const
export const viewEvents = ['view-events', 'manage-events'] as const
export const manageEvents = ['manage-events'] as const
/** Sign-outs name people and applications; who sees either may see them. */
export const viewSignOuts = ['view-users', 'manage-users', 'view-events', 'manage-events'] as const
export const anyAdminRole: readonly AdminRole[] = [
  ...viewRealm,
  ...viewUsers,
  'query-users',
  ...viewClients,
  'query-clients',
  ...viewEvents,
]

export const masterRealmName = 'master'
const managementClientId = 'realm-management'

/** Keycloak's own administration clients: their tokens carry no role claims, and their scope is not cut. */
const unrestrictedClients: ReadonlySet<string> = new Set(['admin-cli', 'security-admin-console'])

/**
 * The roles that the caller has over `target`: as the database says now, so that a withdrawn role is refused at
 * once although the token lives on; cut to what the token's client may see, as Keycloak does.
 */
export function rolesOver(
  caller: Omit<AdminCaller, 'ipAddress'>,
  target: Realm,
): 'all' | ReadonlySet<string> {
  const { realm, client, account, claims } = caller
  const scopes = typeof claims['scope'] === 'string' ? claims['scope'].split(' ') : []
  const seenBy = unrestrictedClients.has(client.clientId) ? undefined : client
  const held = effectiveRoles(realm, account, seenBy, [...client.defaultClientScopes, ...scopes])
  if (realm.name === masterRealmName) {
    return held.realm.includes('admin') ? 'all' : new Set(held.clients[`${target.name}-realm`])
  }
  if (realm.id !== target.id) return new Set()
  const names = new Set(held.clients[managementClientId])
  return names.has('realm-admin') ? 'all' : names
}

export function isAllowed(roles: 'all' | ReadonlySet<string>, needs: readonly AdminRole[]): boolean {
  return roles === 'all' || needs.some((need) => roles.has(need))
}
