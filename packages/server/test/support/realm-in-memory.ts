/** Realms, clients and accounts as plain objects, for tests of rules that need no database. */
import type { Account } from '../../src/account/account.ts'
import type { Group, Realm, RealmSettings, Role } from '../../src/realm/realm.ts'
import type { Client, ProtocolMapper } from '../../src/rp/client.ts'

export const someSettings: RealmSettings = {
  displayName: undefined,
  sslRequired: 'external',
  registrationAllowed: false,
  loginWithEmailAllowed: true,
  rememberMe: false,
  bruteForceProtected: false,
  ssoSessionIdleSeconds: 1800,
  ssoSessionMaxSeconds: 36_000,
  ssoSessionIdleRememberMeSeconds: 1800,
  ssoSessionMaxRememberMeSeconds: 36_000,
  clientSessionIdleSeconds: 0,
  clientSessionMaxSeconds: 0,
  offlineSessionIdleSeconds: 2_592_000,
  offlineSessionMaxSeconds: undefined,
  accessTokenSeconds: 300,
  accessCodeSeconds: 60,
  accessCodeUserActionSeconds: 300,
  accessCodeLoginSeconds: 1800,
  revokeRefreshToken: false,
  defaultSignatureAlgorithm: 'RS256',
  eventsEnabled: false,
  eventsRetentionDays: 0,
  enabledEventTypes: undefined,
  adminEventsEnabled: false,
  internationalizationEnabled: false,
  supportedLocales: [],
  defaultLocale: undefined,
  passwordPolicy: undefined,
  passwordGrant: 'off',
  resultPage: 'never',
  resultPauseSeconds: 1,
  firstRoundWaitMs: 400,
  leaveOneApplication: true,
  alwaysConfirmSignOut: false,
  frontendUrl: undefined,
  trustPem: [],
}

export function someClient(of: Partial<Client> & { readonly clientId: string }): Client {
  return {
    uuid: `uuid-${of.clientId}`,
    realmId: 'realm-1',
    name: undefined,
    enabled: true,
    protocol: 'openid-connect',
    publicClient: false,
    bearerOnly: false,
    consentRequired: false,
    standardFlowEnabled: true,
    directAccessGrantsEnabled: false,
    serviceAccountsEnabled: false,
    frontchannelLogout: false,
    fullScopeAllowed: true,
    clientAuthenticatorType: 'client-secret',
    secret: undefined,
    rootUrl: undefined,
    adminUrl: undefined,
    baseUrl: undefined,
    redirectUris: [],
    webOrigins: [],
    attributes: {},
    protocolMappers: [],
    defaultClientScopes: [],
    optionalClientScopes: [],
    notBefore: 0,
    isDeleted: false,
    representation: {},
    ...of,
  }
}

export function someAccount(of: Partial<Account> = {}): Account {
  return {
    id: 'account-1',
    realmId: 'realm-1',
    username: 'alice',
    email: 'alice@example.org',
    emailVerified: true,
    firstName: 'Alice',
    lastName: 'Ames',
    enabled: true,
    attributes: {},
    notBefore: 0,
    serviceAccountClientUuid: undefined,
    createdAt: 0,
    roleIds: [],
    groupIds: [],
    isDeleted: false,
    representation: {},
    ...of,
  }
}

export function someRole(of: Partial<Role> & { readonly name: string }): Role {
  return {
    id: `role-${of.clientUuid ?? 'realm'}-${of.name}`,
    description: undefined,
    clientUuid: undefined,
    composites: [],
    attributes: {},
    ...of,
  }
}

export function someGroup(of: Partial<Group> & { readonly name: string }): Group {
  return {
    id: `group-${of.name}`,
    path: `/${of.name}`,
    parentId: undefined,
    roleIds: [],
    attributes: {},
    ...of,
  }
}

export function someMapper(protocolMapper: string, config: ProtocolMapper['config'] = {}): ProtocolMapper {
  return { name: protocolMapper, protocol: 'openid-connect', protocolMapper, config }
}

export type RealmParts = Partial<
  Omit<Realm, 'clients' | 'clientsByUuid' | 'roles' | 'groups' | 'scopes' | 'settings'>
> & {
  readonly clients?: readonly Client[]
  readonly roles?: readonly Role[]
  readonly groups?: readonly Group[]
  readonly scopes?: readonly import('../../src/realm/realm.ts').ClientScope[]
  readonly settings?: Partial<RealmSettings>
}

export function someRealm(of: RealmParts = {}): Realm {
  const { clients = [], roles = [], groups = [], scopes = [], settings, ...rest } = of
  return {
    id: 'realm-1',
    name: 'demo',
    enabled: true,
    cookieKey: 'demo',
    issuer: 'https://id.example/realms/demo',
    settings: { ...someSettings, ...settings },
    attributes: {},
    notBefore: 0,
    version: 1,
    createdAt: 0,
    keys: [],
    clients: new Map(clients.map((client) => [client.clientId, client])),
    clientsByUuid: new Map(clients.map((client) => [client.uuid, client])),
    scopes: new Map(scopes.map((scope) => [scope.id, scope])),
    roles: new Map(roles.map((role) => [role.id, role])),
    groups: new Map(groups.map((group) => [group.id, group])),
    representation: {},
    ...rest,
  }
}
