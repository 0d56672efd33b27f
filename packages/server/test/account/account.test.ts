import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AccountFields } from '../../src/account/account-row.ts'
import {
  addGroups,
  addRoles,
  deleteAccount,
  insertAccount,
  removeRoles,
  updateAccount,
} from '../../src/account/change-account.ts'
import {
  deleteCredential,
  findPassword,
  listCredentials,
  rehashPassword,
  replacePassword,
} from '../../src/account/credential.ts'
import { findAccountById, findAccountByLogin, findServiceAccount } from '../../src/account/find-account.ts'
import { type AccountSearch, countAccounts, searchAccounts } from '../../src/account/search-accounts.ts'
import { systemRandom } from '../../src/ambient/random.ts'
import type { Store } from '../../src/store/store.ts'
import { forEachDatabase } from '../support/database.ts'

const account = (id: string, change: Partial<AccountFields> = {}): AccountFields => ({
  id,
  realmId: 'r1',
  username: id,
  email: `${id}@example.org`,
  emailVerified: false,
  firstName: undefined,
  lastName: undefined,
  enabled: true,
  attributes: {},
  notBefore: 0,
  serviceAccountClientUuid: undefined,
  createdAt: 1000,
  representation: {},
  ...change,
})
const login = { id: 'r1', loginWithEmailAllowed: true }

async function fill(store: Store, accounts: readonly AccountFields[]): Promise<void> {
  await store.transact(async (tx) => {
    for (const id of ['r1', 'r2']) {
      const realm = {
        id,
        name: id,
        enabled: 1,
        cookie_key: id,
        representation: '{}',
        not_before: 0,
        version: 1,
        created_at: 0,
        deleted_at: null,
      }
      await tx.db.insertInto('realm').values(realm).execute()
    }
    const role = { realm_id: 'r1', client_uuid: null, representation: '{}' }
    await tx.db
      .insertInto('role')
      .values([
        { ...role, id: 'role-b', name: 'b' },
        { ...role, id: 'role-a', name: 'a' },
      ])
      .execute()
    await tx.db
      .insertInto('group_')
      .values({ id: 'group-a', realm_id: 'r1', parent_id: null, name: 'a', path: '/a', representation: '{}' })
      .execute()
    for (const one of accounts) await insertAccount(tx, one)
  })
}

forEachDatabase('accounts', (database) => {
  test('an account comes back as it was written, with its roles and groups', async () => {
    await using store = await database.open()
    const alice = account('alice', {
      firstName: 'Alice',
      lastName: 'Ämes',
      emailVerified: true,
      attributes: { team: ['red', 'blue'] },
      representation: { requiredActions: ['UPDATE_PASSWORD'] },
      notBefore: 7,
    })
    await fill(store, [alice])
    await store.transact(async (tx) => {
      await addRoles(tx, 'alice', ['role-b', 'role-a'])
      await addRoles(tx, 'alice', ['role-a'])
      await addGroups(tx, 'alice', ['group-a'])
    })
    assert.deepEqual(await findAccountById(store.read, 'r1', 'alice'), {
      ...alice,
      roleIds: ['role-a', 'role-b'],
      groupIds: ['group-a'],
      isDeleted: false,
    })
    await store.transact((tx) => removeRoles(tx, 'alice', ['role-a']))
    assert.deepEqual((await findAccountById(store.read, 'r1', 'alice'))?.roleIds, ['role-b'])
    assert.equal(await findAccountById(store.read, 'r2', 'alice'), undefined)
  })

  test('a person signs in by user name or e-mail in any case, within the realm and where it is allowed', async () => {
    await using store = await database.open()
    await fill(store, [
      account('alice', { username: 'Alice', email: 'Al@Example.org' }),
      account('robot', { username: 'service-account-robot', serviceAccountClientUuid: 'c1' }),
    ])
    const found = async (typed: string, realm = login) =>
      (await findAccountByLogin(store.read, realm, typed))?.id
    assert.equal(await found(' ALICE '), 'alice')
    assert.equal(await found('al@example.ORG'), 'alice')
    assert.equal(await found('al@example.org', { ...login, loginWithEmailAllowed: false }), undefined)
    assert.equal(await found('alice', { ...login, id: 'r2' }), undefined)
    assert.equal(await found('service-account-robot'), undefined)
    assert.equal(await found(''), undefined)
    assert.equal((await findServiceAccount(store.read, 'r1', 'c1'))?.id, 'robot')
  })

  test("a user name wins over another's e-mail address, and an address of two accounts names neither", async () => {
    await using store = await database.open()
    await fill(store, [
      account('named', { username: 'x@example.org', email: undefined }),
      account('mailed', { email: 'x@example.org' }),
      account('twin-a', { email: 'twin@example.org' }),
      account('twin-b', { email: 'twin@example.org' }),
    ])
    assert.equal((await findAccountByLogin(store.read, login, 'x@example.org'))?.id, 'named')
    assert.equal(await findAccountByLogin(store.read, login, 'twin@example.org'), undefined)
  })

  test('a search finds by prefix, anywhere or whole, and pages are ordered (§14.3, KQ-33)', async () => {
    await using store = await database.open()
    await fill(store, [
      account('bob', { firstName: 'Bob', lastName: 'Anders', attributes: { dept: ['a', 'b'] } }),
      account('anna', { firstName: 'Anna', enabled: false, attributes: { other: ['a'], dept: [] } }),
      account('hanna', { lastName: '100%_\\' }),
      account('robot', { serviceAccountClientUuid: 'c1' }),
      account('elsewhere', { realmId: 'r2' }),
    ])
    const ids = async (search: AccountSearch, page = {}) => {
      const found = (await searchAccounts(store.read, 'r1', search, page)).map((one) => one.id)
      if (Object.keys(page).length === 0)
        assert.equal(await countAccounts(store.read, 'r1', search), found.length)
      return found
    }
    assert.deepEqual(await ids({}), ['anna', 'bob', 'hanna'])
    assert.deepEqual(await ids({ search: 'an' }), ['anna', 'bob'])
    assert.deepEqual(await ids({ search: '*an*' }), ['anna', 'bob', 'hanna'])
    assert.deepEqual(await ids({ search: 'BOB and' }), ['bob'])
    assert.deepEqual(await ids({ search: '"ann"' }), [])
    assert.deepEqual(await ids({ search: '"anna"' }), ['anna'])
    assert.deepEqual(await ids({ search: '"' }), [])
    assert.deepEqual(await ids({ username: 'nn' }), ['anna', 'hanna'])
    assert.deepEqual(await ids({ username: 'ANNA', exact: true }), ['anna'])
    assert.deepEqual(await ids({ username: 'nn', exact: true }), [])
    assert.deepEqual(await ids({ email: 'bob@example.org', exact: true }), ['bob'])
    assert.deepEqual(await ids({ lastName: '0%_\\' }), ['hanna'])
    assert.deepEqual(await ids({ lastName: '_' }), ['hanna'])
    assert.deepEqual(await ids({ enabled: false }), ['anna'])
    assert.deepEqual(await ids({ emailVerified: true }), [])
    assert.deepEqual(await ids({ attributes: { dept: 'a' } }), ['bob'])
    assert.deepEqual(await ids({ attributes: { "de'pt": 'a' } }), [])
    assert.deepEqual(await ids({}, { first: 1, max: 1 }), ['bob'])
    assert.deepEqual(await ids({}, { first: 9 }), [])
    assert.deepEqual(await ids({}, { max: 0 }), [])
  })

  test('a change leaves what it does not name, and says whether there was such an account', async () => {
    await using store = await database.open()
    await fill(store, [account('alice', { firstName: 'Alice' })])
    assert.equal(
      await store.transact((tx) => updateAccount(tx, 'r1', 'alice', { enabled: false, email: null })),
      true,
    )
    const changed = await findAccountById(store.read, 'r1', 'alice')
    assert.equal(changed?.enabled, false)
    assert.equal(changed?.email, undefined)
    assert.equal(changed?.firstName, 'Alice')
    assert.equal(await store.transact((tx) => updateAccount(tx, 'r2', 'alice', { enabled: true })), false)
  })

  test('a deleted account stays as a tombstone, and its name is free again (KQ-14, D13)', async () => {
    await using store = await database.open()
    await fill(store, [account('alice')])
    await store.transact((tx) => addRoles(tx, 'alice', ['role-a']))
    assert.equal(await store.transact((tx) => deleteAccount(tx, 'r1', 'alice', 5)), true)
    assert.equal(await store.transact((tx) => deleteAccount(tx, 'r1', 'alice', 6)), false)
    const tombstone = await findAccountById(store.read, 'r1', 'alice')
    assert.equal(tombstone?.isDeleted, true)
    assert.deepEqual(tombstone?.roleIds, [])
    assert.equal(await findAccountByLogin(store.read, login, 'alice'), undefined)
    assert.deepEqual(await searchAccounts(store.read, 'r1', {}), [])
    await store.transact((tx) => insertAccount(tx, account('alice-2', { username: 'alice' })))
    assert.equal((await findAccountByLogin(store.read, login, 'alice'))?.id, 'alice-2')
    await assert.rejects(store.transact((tx) => insertAccount(tx, account('alice-3', { username: 'ALICE' }))))
  })

  test('a password is replaced, and a rehash never brings an old one back (KZ-83)', async () => {
    await using store = await database.open()
    await fill(store, [account('alice')])
    const deps = { random: systemRandom }
    const [first, second] = [
      { form: 'phc', hash: 'one' },
      { form: 'phc', hash: 'two' },
    ] as const
    assert.equal(await findPassword(store.read, 'alice'), undefined)
    await store.transact((tx) => replacePassword(deps, tx, 'alice', first, 1))
    const found = await findPassword(store.read, 'alice')
    assert.deepEqual(found?.stored, first)
    const credentialId = found?.credentialId ?? ''
    await store.transact((tx) => rehashPassword(tx, credentialId, first, second))
    assert.deepEqual((await findPassword(store.read, 'alice'))?.stored, second)
    await store.transact((tx) => rehashPassword(tx, credentialId, first, { form: 'phc', hash: 'late' }))
    assert.deepEqual((await findPassword(store.read, 'alice'))?.stored, second)
    assert.deepEqual(await listCredentials(store.read, 'alice'), [
      { id: credentialId, type: 'password', label: undefined, createdAt: 1 },
    ])
    assert.equal(await store.transact((tx) => deleteCredential(tx, 'other', credentialId)), false)
    assert.equal(await store.transact((tx) => deleteCredential(tx, 'alice', credentialId)), true)
  })
})
