/**
 * Reads one realm with all that the server keeps of it in memory; opens its keys and client secrets. Other secrets
 * inside representations (mail, directories, SAML keys) stay sealed in their rows: in memory they are masked.
 */
import { openKey } from '../key/key.ts'
import type { ServerSecret } from '../key/seal.ts'
import type { Client } from '../rp/client.ts'
import { clientFromRepresentation, protocolMappersOf } from '../rp/client-from-representation.ts'
import { openClientSecret } from '../rp/client-secret.ts'
import { type Representation, textMapOf, textOf, textsMapOf, textsOf } from '../rp/representation.ts'
import type { Queryable } from '../store/store.ts'
import type { ClientScopeTable, ClientTable, GroupTable, RealmTable, RoleTable } from '../store/tables.ts'
import { masterRealmName } from './import/built-in-objects.ts'
import { maskMembers } from './import/sealed-members.ts'
import type { ClientScope, Group, Realm, Role } from './realm.ts'
import { readRealmSettings } from './realm-settings.ts'

export interface LoadRealmDeps {
  readonly secret: ServerSecret
  /** The server's own address, without a trailing slash. */
  readonly baseUrl: string
  /** `admin-cli` of realm `master` may use the password grant (SR-24); default false. */
  readonly masterPasswordGrant?: boolean
}

/**
 * The realm as committed, or undefined when there is none. The version is read first: a change that commits
 * while the rest is read has a higher version, so the next look at it loads again.
 *
 * @throws CURFEW_KEY_UNSEAL_FAILED when the database was made with another server secret
 */
export async function loadRealm(
  deps: LoadRealmDeps,
  on: Queryable,
  realmId: string,
): Promise<Realm | undefined> {
  const row = await readRealm(on, realmId)
  if (!row) return undefined
  const keyRows = await on.db.selectFrom('realm_key').selectAll().where('realm_id', '=', realmId).execute()
  const isMaster = row.name === masterRealmName
  const clients = (await readClients(on, realmId)).map((client) =>
    isMaster ? withoutPasswords(clientFromRow(deps, client)) : clientFromRow(deps, client),
  )
  const representation = maskMembers(JSON.parse(row.representation) as Representation)
  const asWritten = readRealmSettings({ ...representation, realm: row.name })
  const settings = isMaster
    ? ({ ...asWritten, passwordGrant: deps.masterPasswordGrant ? 'clients' : 'off' } as const)
    : asWritten
  return {
    id: row.id,
    name: row.name,
    enabled: row.enabled === 1,
    cookieKey: row.cookie_key,
    issuer: `${settings.frontendUrl ?? deps.baseUrl}/realms/${encodeURIComponent(row.name)}`,
    settings,
    attributes: textMapOf(representation, 'attributes'),
    notBefore: row.not_before,
    version: row.version,
    createdAt: row.created_at,
    keys: await Promise.all(keyRows.map((key) => openKey(deps.secret, key))),
    clients: new Map(clients.map((client) => [client.clientId, client])),
    clientsByUuid: new Map(clients.map((client) => [client.uuid, client])),
    scopes: byId((await readScopes(on, realmId)).map(scopeFromRow)),
    roles: byId((await readRoles(on, realmId)).map(roleFromRow)),
    groups: byId((await readGroups(on, realmId)).map(groupFromRow)),
    representation,
  }
}

/** SR-24: in `master` the password grant is for `admin-cli` alone, and the operator's setting decides whether at all. */
function withoutPasswords(client: Client): Client {
  return client.clientId === 'admin-cli' ? client : { ...client, directAccessGrantsEnabled: false }
}

function readRealm(on: Queryable, realmId: string): Promise<RealmTable | undefined> {
  return on.db
    .selectFrom('realm')
    .selectAll()
    .where('id', '=', realmId)
    .where('deleted_at', 'is', null)
    .executeTakeFirst()
}

/** Tombstones first, so that a client registered again under the same `client_id` replaces them in the map. */
function readClients(on: Queryable, realmId: string): Promise<ClientTable[]> {
  return on.db
    .selectFrom('client')
    .selectAll()
    .where('realm_id', '=', realmId)
    .orderBy((eb) => eb.case().when('deleted_at', 'is', null).then(1).else(0).end())
    .orderBy('deleted_at')
    .execute()
}

const readScopes = (on: Queryable, realmId: string): Promise<ClientScopeTable[]> =>
  on.db.selectFrom('client_scope').selectAll().where('realm_id', '=', realmId).orderBy('name').execute()

const readRoles = (on: Queryable, realmId: string): Promise<RoleTable[]> =>
  on.db.selectFrom('role').selectAll().where('realm_id', '=', realmId).orderBy('name').execute()

const readGroups = (on: Queryable, realmId: string): Promise<GroupTable[]> =>
  on.db.selectFrom('group_').selectAll().where('realm_id', '=', realmId).orderBy('path').execute()

function clientFromRow(deps: LoadRealmDeps, row: ClientTable): Client {
  return clientFromRepresentation({
    row,
    representation: maskMembers(JSON.parse(row.representation) as Representation),
    secret: row.secret_sealed === null ? undefined : openClientSecret(deps.secret, row.id, row.secret_sealed),
    baseUrl: deps.baseUrl,
  })
}

export function scopeFromRow(row: ClientScopeTable): ClientScope {
  const of = JSON.parse(row.representation) as Representation
  return {
    id: row.id,
    name: row.name,
    protocol: textOf(of, 'protocol') ?? 'openid-connect',
    attributes: textMapOf(of, 'attributes'),
    protocolMappers: protocolMappersOf(of),
  }
}

/** The row keeps composites as ids (`compositeIds`), so that renaming a role breaks nothing. */
export function roleFromRow(row: RoleTable): Role {
  const of = JSON.parse(row.representation) as Representation
  return {
    id: row.id,
    name: row.name,
    description: textOf(of, 'description'),
    clientUuid: row.client_uuid ?? undefined,
    composites: textsOf(of, 'compositeIds'),
    attributes: textsMapOf(of, 'attributes'),
  }
}

export function groupFromRow(row: GroupTable): Group {
  const of = JSON.parse(row.representation) as Representation
  return {
    id: row.id,
    name: row.name,
    path: row.path,
    parentId: row.parent_id ?? undefined,
    roleIds: textsOf(of, 'roleIds'),
    attributes: textsMapOf(of, 'attributes'),
  }
}

function byId<T extends { readonly id: string }>(items: readonly T[]): ReadonlyMap<string, T> {
  return new Map(items.map((item) => [item.id, item]))
}
