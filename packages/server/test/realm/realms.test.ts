import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { systemRandom } from '../../src/ambient/random.ts'
import { isCurfewError } from '../../src/errors.ts'
import { serverSecret } from '../../src/key/seal.ts'
import { changeRealm } from '../../src/realm/change-realm.ts'
import { createRealm, newRealmKeys } from '../../src/realm/create-realm.ts'
import { createRealms } from '../../src/realm/realms.ts'
import type { Store } from '../../src/store/store.ts'
import { forEachDatabase } from '../support/database.ts'

const secret = serverSecret(Buffer.alloc(32, 7))
const deps = { secret, random: systemRandom }
const keys = await newRealmKeys(systemRandom, ['ES256'])

function openRealms(store: Store, serverSecretOf = secret) {
  let now = 1000
  const realms = createRealms({
    store,
    secret: serverSecretOf,
    ambient: { clock: { now: () => now } },
    baseUrl: 'https://id.example',
  })
  return {
    realms,
    pass: (ms: number) => {
      now += ms
    },
  }
}
const make = (store: Store, name: string): Promise<string> =>
  store.transact((tx) =>
    createRealm(deps, tx, { name, keys: keys.map((key) => ({ ...key, jwk: { ...key.jwk, kid: name } })) }, 0),
  )

/** A change whose wake-up is lost. */
const changeSilently = (store: Store, id: string): Promise<unknown> =>
  store.transact((tx) =>
    tx.db.updateTable('realm').set({ version: 99, not_before: 7 }).where('id', '=', id).execute(),
  )

forEachDatabase('realms in memory', (database) => {
  test('the same object comes back until the version changes, also to callers at the same time', async () => {
    await using store = await database.open()
    const id = await make(store, 'one')
    const { realms } = openRealms(store)
    const [a, b, c] = await Promise.all([realms.byId(id), realms.byName('one'), realms.byId(id)])
    assert.ok(a)
    assert.equal(a, c)
    assert.equal(await realms.byName('one'), await realms.byId(id))
    assert.equal(b?.id, id)
    assert.equal(a.version, 1)
  })

  test('a change is heard at once, and the realm is loaded as committed', async () => {
    await using store = await database.open()
    const id = await make(store, 'one')
    const { realms } = openRealms(store)
    const before = await realms.byId(id)
    await store.transact(async (tx) => {
      await tx.db.updateTable('realm').set({ not_before: 7 }).where('id', '=', id).execute()
      await changeRealm(tx, id)
    })
    const deadline = performance.now() + 5000
    let after = await realms.byId(id)
    while (after === before && performance.now() < deadline) {
      // the wake-up comes over a socket, which cached answers alone would never let in
      await setImmediate()
      after = await realms.byId(id)
    }
    assert.equal(after?.notBefore, 7)
    assert.equal(after?.version, 2)
    assert.equal(before?.notBefore, 0)
  })

  test('a change whose wake-up is lost is seen within 500 ms of use (F-27)', async () => {
    await using store = await database.open()
    const id = await make(store, 'one')
    const { realms, pass } = openRealms(store)
    await realms.byName('one')
    pass(500)
    await realms.byName('one')
    await changeSilently(store, id)
    pass(499)
    assert.equal((await realms.byName('one'))?.version, 1)
    pass(1)
    assert.equal((await realms.byName('one'))?.version, 99)
  })

  test('nor does a clock that is set back by an hour hide a change (F-27, F-28)', async () => {
    await using store = await database.open()
    const id = await make(store, 'one')
    const { realms, pass } = openRealms(store)
    await realms.byId(id)
    pass(600)
    await realms.byId(id)
    await changeSilently(store, id)
    pass(-3_600_000)
    assert.equal((await realms.byId(id))?.version, 99)
  })

  test('a realm that is not there is asked for again, and a deleted one is gone', async () => {
    await using store = await database.open()
    const { realms, pass } = openRealms(store)
    assert.equal(await realms.byName('late'), undefined)
    assert.equal(await realms.byId('late'), undefined)
    const id = await make(store, 'late')
    assert.equal((await realms.byName('late'))?.id, id)
    assert.deepEqual(await realms.names(), ['late'])
    await store.transact((tx) =>
      tx.db.updateTable('realm').set({ deleted_at: 1 }).where('id', '=', id).execute(),
    )
    pass(500)
    assert.equal(await realms.byName('late'), undefined)
    assert.deepEqual(await realms.names(), [])
  })

  test('invalidate makes the next caller load', async () => {
    await using store = await database.open()
    const id = await make(store, 'one')
    const { realms } = openRealms(store)
    await realms.byId(id)
    await changeSilently(store, id)
    realms.invalidate(id)
    assert.equal((await realms.byId(id))?.version, 99)
  })

  test('a realm sealed with another server secret is refused, each time it is asked for', async () => {
    await using store = await database.open()
    await make(store, 'one')
    const { realms } = openRealms(store, serverSecret(Buffer.alloc(32, 8)))
    for (const _ of [1, 2]) {
      await assert.rejects(realms.byName('one'), (error) => isCurfewError(error, 'CURFEW_KEY_UNSEAL_FAILED'))
    }
  })

  test('a client registered again hides the tombstone of its client_id (D13)', async () => {
    await using store = await database.open()
    const id = await make(store, 'one')
    await store.transact(async (tx) => {
      const row = {
        realm_id: id,
        client_id: 'app',
        protocol: 'openid-connect',
        enabled: 1,
        representation: '{}',
        secret_sealed: null,
        not_before: 0,
        created_at: 0,
      }
      await tx.db
        .insertInto('client')
        .values({ ...row, id: 'z-old', deleted_at: 5 })
        .execute()
      await tx.db
        .insertInto('client')
        .values({ ...row, id: 'a-new', deleted_at: null })
        .execute()
      await tx.db
        .insertInto('client')
        .values({ ...row, id: 'gone', client_id: 'gone', deleted_at: 5 })
        .execute()
    })
    const realm = await openRealms(store).realms.byId(id)
    assert.equal(realm?.clients.get('app')?.uuid, 'a-new')
    assert.equal(realm?.clients.get('gone')?.isDeleted, true)
    assert.equal(realm?.clientsByUuid.get('z-old')?.isDeleted, true)
  })
})
