import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isCurfewError } from '../../src/errors.ts'
import type { Tx } from '../../src/store/store.ts'
import { forEachDatabase } from '../support/database.ts'

const insertHandle = (tx: Tx, id: string): Promise<unknown> =>
  tx.db
    .insertInto('handle')
    .values({ id_hash: id, realm_id: null, purpose: 'test', payload: '{}', expires_at: 1, used_at: null })
    .execute()

forEachDatabase('a transaction', (database) => {
  test('is visible to readers after it resolves, with its effects run in order', async () => {
    await using store = await database.open()
    const order: string[] = []
    await store.transact(async (tx) => {
      tx.afterCommit(() => order.push('first'))
      tx.afterCommit(() => order.push('second'))
      await insertHandle(tx, 'a')
      assert.deepEqual(order, [])
    })
    assert.deepEqual(order, ['first', 'second'])
    assert.equal((await store.read.db.selectFrom('handle').selectAll().execute()).length, 1)
  })

  test('that throws leaves nothing behind and does not disturb the ones beside it', async () => {
    await using store = await database.open()
    const results = await Promise.allSettled([
      store.transact((tx) => insertHandle(tx, 'one')),
      store.transact(async (tx) => {
        await insertHandle(tx, 'two')
        tx.afterCommit(() => assert.fail('a rolled back work has no effects'))
        throw new RangeError('changed my mind')
      }),
      store.transact((tx) => insertHandle(tx, 'three')),
    ])
    assert.deepEqual(
      results.map((result) => result.status),
      ['fulfilled', 'rejected', 'fulfilled'],
    )
    const ids = await store.read.db.selectFrom('handle').select('id_hash').orderBy('id_hash').execute()
    assert.deepEqual(
      ids.map((row) => row.id_hash),
      ['one', 'three'],
    )
  })

  test('wakes the listeners of its channel after the commit', async () => {
    await using store = await database.open()
    await new Promise<void>((resolve, reject) => {
      const giveUp = setTimeout(() => reject(new Error('not woken within 5 s')), 5000)
      store.onWake('settled', (payload) => {
        assert.equal(payload, 'so_1')
        clearTimeout(giveUp)
        resolve()
      })
      // a listener on PostgreSQL may need a moment to connect, so the wake-up is repeated
      const send = async (): Promise<void> => {
        await store.transact(async (tx) => tx.notify('settled', 'so_1'))
      }
      void (async () => {
        for (let i = 0; i < 20; i++) {
          await send()
          await new Promise((next) => setTimeout(next, 50))
        }
      })().catch(reject)
    })
  })

  test('keeps the constraints: an ended session has an end', async () => {
    await using store = await database.open()
    const row = {
      uid: 's',
      realm_id: 'r',
      account_id: 'a',
      cookie_hash: null,
      created_at: 1,
      last_active_at: 1,
      idle_until: 2,
      ends_at: 3,
      ended_at: null,
      sign_out_id: null,
      remember_me: 0,
      ip_address: null,
      user_agent: null,
      payload: '{}',
      state: 'ended',
    }
    await assert.rejects(store.transact((tx) => tx.db.insertInto('session').values(row).execute()))
  })
})

forEachDatabase('a store', (database) => {
  test('can be opened again with what was written', async () => {
    const { openStore } = await import('../../src/store/store.ts')
    const { systemAmbient } = await import('../../src/ambient/ambient.ts')
    const settings = await database.create()
    {
      await using first = await openStore(settings, systemAmbient())
      await first.transact((tx) => insertHandle(tx, 'kept'))
      if (database.dialect === 'sqlite') {
        await assert.rejects(openStore(settings, systemAmbient()), (error) =>
          isCurfewError(error, 'CURFEW_STORE_LOCKED'),
        )
      }
    }
    await using second = await openStore(settings, systemAmbient())
    assert.equal((await second.read.db.selectFrom('handle').selectAll().execute()).length, 1)
  })
})
