import assert from 'node:assert/strict'
import { test } from 'node:test'
import { findPassword } from '../../src/account/credential.ts'
import { findAccountByLogin } from '../../src/account/find-account.ts'
import { systemAmbient } from '../../src/ambient/ambient.ts'
import { systemRandom } from '../../src/ambient/random.ts'
import { serverSecret } from '../../src/key/seal.ts'
import { bootstrapAdmin, hasAdministrator } from '../../src/realm/bootstrap-admin.ts'
import { createRealm, newRealmKeys } from '../../src/realm/create-realm.ts'
import { effectiveRoles } from '../../src/realm/effective-roles.ts'
import { importRealm } from '../../src/realm/import/import-realm.ts'
import { addRealmToMaster, ensureMasterRealm } from '../../src/realm/master-realm.ts'
import type { Realm } from '../../src/realm/realm.ts'
import { createRealms } from '../../src/realm/realms.ts'
import type { Store } from '../../src/store/store.ts'
import { forEachDatabase } from '../support/database.ts'

const secret = serverSecret(Buffer.alloc(32, 7))
const deps = { secret, random: systemRandom }
const adminRoleNames = [
  'manage-clients',
  'manage-events',
  'manage-realm',
  'manage-users',
  'query-clients',
  'query-users',
  'view-clients',
  'view-events',
  'view-realm',
  'view-users',
]

async function load(store: Store, name: string): Promise<Realm> {
  const realms = createRealms({ store, secret, ambient: systemAmbient(), baseUrl: 'https://id.example' })
  const realm = await realms.byName(name)
  assert.ok(realm)
  return realm
}
const password = { form: 'phc', hash: '$argon2id$x' } as const

forEachDatabase('the realm master', (database) => {
  test("it is made once, shaped as Keycloak's", async () => {
    await using store = await database.open()
    await ensureMasterRealm({ ...deps, store }, 0)
    await ensureMasterRealm({ ...deps, store }, 1)
    const master = await load(store, 'master')
    assert.equal(master.version, 1)
    assert.equal(master.settings.accessTokenSeconds, 60)
    assert.equal(master.settings.passwordGrant, 'off')
    assert.equal(master.keys.length, 1)
    const cli = master.clients.get('admin-cli')
    assert.equal(cli?.publicClient, true)
    assert.equal(cli?.directAccessGrantsEnabled, true)
    assert.equal(cli?.standardFlowEnabled, false)
    assert.equal(master.clients.get('master-realm')?.bearerOnly, true)
    assert.ok(!master.clients.has('realm-management'))
    assert.ok([...master.scopes.values()].some((scope) => scope.name === 'offline_access'))
  })

  test('its first administrator may do everything in every realm, also in those made or imported later', async () => {
    await using store = await database.open()
    const keys = await newRealmKeys(systemRandom, ['ES256'])
    await store.transact((tx) => createRealm(deps, tx, { name: 'early', keys }, 0))
    await ensureMasterRealm({ ...deps, store }, 0)
    const late = await newRealmKeys(systemRandom, ['ES256'])
    await store.transact(async (tx) => {
      await createRealm(deps, tx, { name: 'late', keys: late }, 0)
      await addRealmToMaster(deps, tx, 'late', 0)
    })
    const file = { name: 'x.json', text: '{"realm":"imported"}' }
    const result = await importRealm({ ...deps, store, isAddressAllowed: () => ({ ok: true }) }, file, {}, 0)
    assert.ok(result.ok)

    const master = await load(store, 'master')
    assert.equal(
      await store.transact((tx) => bootstrapAdmin(deps, tx, master, { username: ' Admin ', password }, 5)),
      'created',
    )
    const admin = await findAccountByLogin(
      store.read,
      { id: master.id, loginWithEmailAllowed: true },
      'admin',
    )
    assert.ok(admin)
    const roles = effectiveRoles(master, admin)
    assert.ok(roles.realm.includes('admin') && roles.realm.includes('create-realm'))
    for (const clientId of ['master-realm', 'early-realm', 'late-realm', 'imported-realm']) {
      for (const name of adminRoleNames)
        assert.ok(roles.clients[clientId]?.includes(name), `${clientId} ${name}`)
    }
    assert.deepEqual((await findPassword(store.read, admin.id))?.stored, password)
  })

  test('a second first administrator is not made while there is one (KZ-94)', async () => {
    await using store = await database.open()
    await ensureMasterRealm({ ...deps, store }, 0)
    const master = await load(store, 'master')
    const make = (username: string) =>
      store.transact((tx) => bootstrapAdmin(deps, tx, master, { username, password }, 0))
    assert.equal(await hasAdministrator(store.read), false)
    assert.equal(await make('admin'), 'created')
    assert.equal(await hasAdministrator(store.read), true)
    assert.equal(await make('second'), 'has_administrator')
    await store.transact((tx) => tx.db.updateTable('account').set({ enabled: 0 }).execute())
    assert.equal(await make('admin'), 'name_taken')
    assert.equal(await make('second'), 'created')
  })

  test("a realm of its own has Keycloak's administrators' client and roles", async () => {
    await using store = await database.open()
    const keys = await newRealmKeys(systemRandom, ['ES256'])
    await store.transact((tx) =>
      createRealm(deps, tx, { name: 'one', keys, settings: { displayName: 'One' } }, 0),
    )
    const realm = await load(store, 'one')
    assert.equal(realm.settings.displayName, 'One')
    const uuid = realm.clients.get('realm-management')?.uuid
    const names = [...realm.roles.values()]
      .filter((role) => role.clientUuid === uuid)
      .map((role) => role.name)
    for (const name of [...adminRoleNames, 'realm-admin']) assert.ok(names.includes(name), name)
    assert.ok(!names.includes('admin'))
    assert.equal(realm.clients.get('account')?.rootUrl, 'https://id.example')
  })
})
