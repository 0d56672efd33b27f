import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemAmbient } from '../../src/ambient/ambient.ts'
import { adapterSessionsOf } from '../../src/session/adapter-sessions.ts'
import { addAdapterSession } from '../../src/session/add-adapter-session.ts'
import { endClientSessionRow } from '../../src/session/end-session-rows.ts'
import { findClientSession } from '../../src/session/find-client-session.ts'
import { insertClientSession } from '../../src/session/insert-client-session.ts'
import type { ClientSession } from '../../src/session/session.ts'
import { signOut } from '../../src/sign-out/sign-out.ts'
import { spreadSignOut } from '../../src/sign-out/spread-sign-out.ts'
import type { Store } from '../../src/store/store.ts'
import { forEachDatabase } from '../support/database.ts'
import { testClient, testRealm, testRealms } from '../support/realm-fixture.ts'
import { givenSession } from '../support/session-fixture.ts'

const key = { sessionUid: 's1', clientId: 'wiki' }
const at = 1_800_000_000_000

async function joined(store: Store): Promise<ClientSession> {
  const found = await findClientSession(store.read, key)
  assert.ok(found)
  return found
}

forEachDatabase('the sessions of an application that an adapter named', (database) => {
  async function given(): Promise<Store> {
    const store = await database.open()
    await givenSession(store, {
      uid: 's1',
      realmId: 'r1',
      accountId: 'a1',
      clientIds: ['wiki'],
      startedAt: at,
    })
    return store
  }
  const name = (store: Store, id: string) => store.transact((tx) => addAdapterSession(tx, { ...key, id }))

  test('are all kept when they are named at the same moment (KK-53)', async () => {
    await using store = await given()
    const ids = Array.from({ length: 8 }, (_, index) => `id-${index}`)
    await Promise.all(ids.map((id) => name(store, id)))
    const now = await joined(store)
    assert.deepEqual(adapterSessionsOf(now, now.sid).toSorted(), ids)
  })

  test('are still known when the application has come back before it was told (KA-12, I13)', async () => {
    await using store = await given()
    await name(store, 'one')
    await name(store, 'two')
    const before = await joined(store)
    await store.transact(async (tx) => {
      await endClientSessionRow(tx, key.sessionUid, key.clientId, at + 1)
      await insertClientSession(tx, { ...before, sid: 'another sid' })
    })
    await name(store, 'two')
    const now = await joined(store)
    assert.equal(now.sid, 'another sid')
    assert.deepEqual(adapterSessionsOf(now, before.sid), ['one'])
    assert.deepEqual(adapterSessionsOf(now, now.sid), ['two'])
  })

  test('R21: no message is broad: a sign-out of the whole realm names sessions, and tells none that named no session', async () => {
    await using store = await database.open()
    const realm = testRealm([
      testClient('wiki', { adminUrl: 'https://wiki.example/' }),
      testClient('chat', { adminUrl: 'https://chat.example/' }),
    ])
    const ambient = systemAmbient({ clock: { now: () => at } })
    const deps = { store, ambient, realms: testRealms(realm), random: ambient.random, log: ambient.log }
    for (const uid of ['s1', 's2'])
      await givenSession(store, {
        uid,
        realmId: 'r1',
        accountId: 'a1',
        clientIds: ['wiki', 'chat'],
        startedAt: at,
      })
    await name(store, 'one')
    const scope = { kind: 'realm' } as const
    const asked = { kind: 'ordinary', cause: 'administrator', initiator: 'admin', actor: {} } as const
    const command = { realmId: 'r1', scope, ...asked } as const
    assert.ok((await signOut(deps, command)).ok)
    while (await spreadSignOut(deps));
    const rows = await store.read.db
      .selectFrom('delivery')
      .select(['client_id', 'sid', 'session_uid'])
      .execute()
    const { sid } = await joined(store)
    assert.deepEqual(
      rows.map((row) => [row.client_id, row.sid, row.session_uid]),
      [['wiki', sid, 's1']],
    )
  })
})
