/** A realm in memory for tests of concepts that only read one; whole-server tests import a real one instead. */

import type { Realm, Realms } from '../../src/realm/realm.ts'
import { readRealmSettings } from '../../src/realm/realm-settings.ts'
import type { Client } from '../../src/rp/client.ts'

export function testClient(clientId: string, overrides: Partial<Client> = {}): Client {
  return {
    uuid: `uuid-of-${clientId}`,
    realmId: 'r1',
    clientId,
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
    secret: 'secret',
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
    ...overrides,
  }
}

export function testRealm(clients: readonly Client[], overrides: Partial<Realm> = {}): Realm {
  return {
    id: 'r1',
    name: 'test',
    enabled: true,
    cookieKey: 'test',
    issuer: 'http://localhost/realms/test',
    settings: readRealmSettings({ eventsEnabled: true }),
    attributes: {},
    notBefore: 0,
    version: 1,
    createdAt: 0,
    keys: [],
    clients: new Map(clients.map((client) => [client.clientId, client])),
    clientsByUuid: new Map(clients.map((client) => [client.uuid, client])),
    scopes: new Map(),
    roles: new Map(),
    groups: new Map(),
    representation: {},
    ...overrides,
  }
}

export function testRealms(realm: Realm): Realms {
  return {
    byName: async (name) => (name === realm.name ? realm : undefined),
    byId: async (id) => (id === realm.id ? realm : undefined),
    names: async () => [realm.name],
    invalidate: () => undefined,
  }
}
