/**
 * What every realm of Keycloak has beside its own: client scopes, the default role, and the clients account,
 * account-console, admin-cli, broker, security-admin-console and realm-management (in master: master-realm).
 * Whatever a file brings itself is left as it is.
 */
import { objectOf, type Representation, textOf, textsOf } from '../../rp/representation.ts'
import { builtInScopes, defaultScopeNames, optionalScopeNames } from './built-in-scopes.ts'
import type { AccountDraft, ClientDraft, RealmDraft, RoleDraft, RoleNames } from './realm-draft.ts'

export const masterRealmName = 'master'

/** The administrators' roles of a realm, and what each contains. */
const adminRoles: Readonly<Record<string, readonly string[]>> = {
  'create-client': [],
  impersonation: [],
  'manage-authorization': [],
  'manage-clients': [],
  'manage-events': [],
  'manage-identity-providers': [],
  'manage-realm': [],
  'manage-users': [],
  'query-clients': [],
  'query-groups': [],
  'query-realms': [],
  'query-users': [],
  'view-authorization': [],
  'view-clients': ['query-clients'],
  'view-events': [],
  'view-identity-providers': [],
  'view-realm': [],
  'view-users': ['query-users', 'query-groups'],
}

/** Clients that belong to the server, not to an application. */
export function isBuiltInClient(realmName: string, clientId: string): boolean {
  if (realmName === masterRealmName && clientId.endsWith('-realm')) return true
  return builtInClientIds.has(clientId)
}

const builtInClientIds = new Set([
  'account',
  'account-console',
  'admin-cli',
  'broker',
  'realm-management',
  'security-admin-console',
])

/** Adds what is missing to the draft of a new realm. */
export function withBuiltIns(draft: RealmDraft): RealmDraft {
  const ownClients = new Set(draft.clients.map((client) => client.clientId))
  const clients = [
    ...draft.clients,
    ...builtInClients(draft.name).filter(({ clientId }) => !ownClients.has(clientId)),
  ]
  const ownRoles = new Set(draft.roles.map(roleKey))
  const roles = [...draft.roles, ...builtInRoles(draft).filter((role) => !ownRoles.has(roleKey(role)))]
  const scopes = draft.scopes.length > 0 ? draft.scopes : builtInScopes()
  const representation = withDefaults(
    draft,
    scopes.map((scope) => scope.name),
  )
  return {
    ...draft,
    representation,
    scopes,
    clients,
    roles,
  }
}

const roleKey = (role: RoleDraft): string => `${role.clientId ?? ''}/${role.name}`

export function defaultRoleName(draft: Pick<RealmDraft, 'name' | 'representation'>): string {
  const named = textOf(objectOf(draft.representation, 'defaultRole'), 'name')
  return named ?? `default-roles-${draft.name.toLowerCase()}`
}

function withDefaults(draft: RealmDraft, scopeNames: readonly string[]): Representation {
  const known = (names: readonly string[]): readonly string[] =>
    names.filter((name) => scopeNames.includes(name))
  return {
    defaultDefaultClientScopes: known(defaultScopeNames),
    defaultOptionalClientScopes: known(optionalScopeNames),
    ...(draft.scopes.length > 0
      ? {}
      : { scopeMappings: [{ clientScope: 'offline_access', roles: ['offline_access'] }] }),
    enabled: true,
    ...draft.representation,
    defaultRole: { ...objectOf(draft.representation, 'defaultRole'), name: defaultRoleName(draft) },
  }
}

/** The account that stands for a client in `client_credentials`. */
export function serviceAccount(clientId: string): AccountDraft {
  const username = `service-account-${clientId.toLowerCase()}`
  return {
    id: undefined,
    username,
    representation: { username, enabled: true },
    roles: { realm: undefined, clients: undefined },
    groups: [],
    credentials: [],
    serviceAccountClientId: clientId,
  }
}

function builtInRoles(draft: RealmDraft): readonly RoleDraft[] {
  const { name } = draft
  const isMaster = name === masterRealmName
  const adminClient = isMaster ? 'master-realm' : 'realm-management'
  const legacyDefaults = textsOf(draft.representation, 'defaultRoles')
  const defaults = {
    realm: ['offline_access', 'uma_authorization', ...legacyDefaults],
    clients: { account: ['view-profile', 'manage-account'] },
  }
  const allAdminRoles = Object.keys(adminRoles)
  return [
    role(undefined, 'offline_access', '${role_offline-access}'),
    role(undefined, 'uma_authorization', '${role_uma_authorization}'),
    role(undefined, defaultRoleName(draft), '${role_default-roles}', defaults),
    ...accountRoles.map(([roleName, contained]) => clientRole('account', roleName, contained)),
    clientRole('broker', 'read-token'),
    ...Object.entries(adminRoles).map(([roleName, contained]) =>
      clientRole(adminClient, roleName, contained),
    ),
    ...(isMaster
      ? [
          role(undefined, 'create-realm', '${role_create-realm}'),
          role(undefined, 'admin', '${role_admin}', {
            realm: ['create-realm'],
            clients: { [adminClient]: allAdminRoles },
          }),
        ]
      : [
          role(adminClient, 'realm-admin', '${role_realm-admin}', {
            realm: [],
            clients: { [adminClient]: allAdminRoles },
          }),
        ]),
  ]
}

const accountRoles: readonly (readonly [string, readonly string[]])[] = [
  ['view-profile', []],
  ['manage-account', ['manage-account-links']],
  ['manage-account-links', []],
  ['view-applications', []],
  ['view-consent', []],
  ['manage-consent', ['view-consent']],
  ['view-groups', []],
  ['delete-account', []],
]

function role(
  clientId: string | undefined,
  name: string,
  description: string,
  composites: RoleNames = { realm: undefined, clients: undefined },
): RoleDraft {
  return { id: undefined, clientId, name, representation: { description }, composites }
}

function clientRole(clientId: string, name: string, contained: readonly string[] = []): RoleDraft {
  const composites = contained.length === 0 ? undefined : { realm: [], clients: { [clientId]: contained } }
  return role(clientId, name, `\${role_${name}}`, composites)
}

/** Roles of the client `{realm}-realm` of master, through which master's administrators reach a realm. */
export function realmAdminRoles(clientId: string): readonly RoleDraft[] {
  return Object.entries(adminRoles).map(([name, contained]) => clientRole(clientId, name, contained))
}

export function realmAdminClient(realmName: string): ClientDraft {
  return client(`${realmName}-realm`, {
    name: `${realmName} Realm`,
    bearerOnly: true,
    standardFlowEnabled: false,
  })
}

function builtInClients(realmName: string): readonly ClientDraft[] {
  const home = `/realms/${encodeURIComponent(realmName)}/account/`
  const console = `/admin/${encodeURIComponent(realmName)}/console/`
  const pkce = { 'pkce.code.challenge.method': 'S256', 'post.logout.redirect.uris': '+' }
  return [
    client('account', {
      name: '${client_account}',
      rootUrl: '${authBaseUrl}',
      baseUrl: home,
      redirectUris: [`${home}*`],
      publicClient: true,
      attributes: { 'post.logout.redirect.uris': '+' },
    }),
    client('account-console', {
      name: '${client_account-console}',
      rootUrl: '${authBaseUrl}',
      baseUrl: home,
      redirectUris: [`${home}*`],
      publicClient: true,
      attributes: pkce,
    }),
    client('admin-cli', {
      name: '${client_admin-cli}',
      publicClient: true,
      standardFlowEnabled: false,
      directAccessGrantsEnabled: true,
      fullScopeAllowed: true,
    }),
    client('broker', { name: '${client_broker}', bearerOnly: true, standardFlowEnabled: false }),
    client('security-admin-console', {
      name: '${client_security-admin-console}',
      rootUrl: '${authAdminUrl}',
      baseUrl: console,
      redirectUris: [`${console}*`],
      webOrigins: ['+'],
      publicClient: true,
      fullScopeAllowed: true,
      attributes: pkce,
    }),
    realmName === masterRealmName
      ? realmAdminClient(masterRealmName)
      : client('realm-management', {
          name: '${client_realm-management}',
          bearerOnly: true,
          standardFlowEnabled: false,
        }),
  ]
}

function client(clientId: string, of: Representation): ClientDraft {
  return {
    id: undefined,
    clientId,
    secret: undefined,
    representation: { enabled: true, protocol: 'openid-connect', fullScopeAllowed: false, ...of },
  }
}
