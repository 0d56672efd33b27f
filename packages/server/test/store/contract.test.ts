/**
 * What the product relies on in a store, the same for SQLite, PostgreSQL and the simulator's store in memory. The
 * simulator proves something about the product only as far as this holds (delivery.md, "how we test", 5).
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { endSessionRow } from '../../src/session/end-session-rows.ts'
import { insertClientSession } from '../../src/session/insert-client-session.ts'
import { lockSession } from '../../src/session/lock-session.ts'
import { insertRows, isOneOf, updateRows } from '../../src/store/bulk-rows.ts'
import { forEachDatabase } from '../support/database.ts'
import { givenSession } from '../support/session-fixture.ts'
import {
  emptied,
  handle,
  handleIds,
  insertHandle,
  newMember,
  type Opening,
  plain,
  settlesWithin,
  simulated,
  step,
} from './contract.ts'

function everyStore({ open }: Opening): void {
  test('a work that throws leaves nothing behind, and the ones beside it stay', async () => {
    await using store = await open()
    const results = await Promise.allSettled([
      store.transact((tx) => insertHandle(tx, 'one')),
      store.transact(async (tx) => {
        await insertHandle(tx, 'two')
        throw new RangeError('changed my mind')
      }),
    ])
    assert.deepEqual(
      results.map(({ status }) => status),
      ['fulfilled', 'rejected'],
    )
    assert.deepEqual(await handleIds(store), ['one'])
  })

  test('a work sees its own writes; readers see them when it has resolved', async () => {
    await using store = await open()
    await store.transact(async (tx) => {
      await insertHandle(tx, 'mine')
      assert.equal((await tx.db.selectFrom('handle').selectAll().execute()).length, 1)
      assert.deepEqual(await handleIds(store), [])
    })
    assert.deepEqual(await handleIds(store), ['mine'])
  })

  test('effects and wake-ups come after the commit, and never after a rollback', async () => {
    await using store = await open()
    const heard: string[] = []
    store.onWake('settled', (payload) => heard.push(payload))
    const order: string[] = []
    await assert.rejects(
      store.transact(async (tx) => {
        tx.notify('settled', 'rolled-back')
        tx.afterCommit(() => order.push('rolled back'))
        throw new RangeError('no')
      }),
    )
    for (let count = 0; count < 40 && !heard.includes('kept'); count++) {
      await store.transact(async (tx) => {
        tx.notify('settled', 'kept')
        tx.afterCommit(() => order.push('kept'))
      })
      await new Promise((next) => setTimeout(next, 50))
    }
    assert.ok(heard.includes('kept') && !heard.includes('rolled-back'))
    assert.ok(order.length > 0 && !order.includes('rolled back'))
  })

  test('of two conditional updates of one row the first wins, and the second changes nothing', async () => {
    await using store = await open()
    await givenSession(store, { uid: 's1' })
    const results = await Promise.all(
      ['so_a', 'so_b'].map((id) => store.transact((tx) => endSessionRow(tx, 's1', id, 5000))),
    )
    assert.deepEqual(results.toSorted(), [false, true])
    const row = await store.read.db.selectFrom('session').selectAll().executeTakeFirstOrThrow()
    assert.equal(row.sign_out_id, results[0] ? 'so_a' : 'so_b')
  })

  test('what waited for the lock of a session sees it ended', async () => {
    await using store = await open()
    await givenSession(store, { uid: 's1' })
    const locked = step()
    const goOn = step()
    const ending = store.transact(async (tx) => {
      await lockSession(tx, 's1', 'for update')
      locked.reach()
      await goOn.reached
      await endSessionRow(tx, 's1', 'so_a', 5000)
    })
    await locked.reached
    const deriving = store.transact(async (tx) => (await lockSession(tx, 's1', 'for share'))?.state)
    assert.equal(await settlesWithin(80, deriving), false)
    goOn.reach()
    await ending
    assert.equal(await deriving, 'ended')
  })

  test('of two inserts of one key the second fails, or succeeds when the first rolls back', async () => {
    await using store = await open()
    const written = step()
    const goOn = step()
    const first = store.transact(async (tx) => {
      await insertHandle(tx, 'key')
      written.reach()
      await goOn.reached
      throw new RangeError('no')
    })
    await written.reached
    const second = store.transact((tx) => insertHandle(tx, 'key', 'second'))
    assert.equal(await settlesWithin(80, second), false)
    goOn.reach()
    await assert.rejects(first)
    await second
    await assert.rejects(store.transact((tx) => insertHandle(tx, 'key')))
    assert.deepEqual(await handleIds(store), ['key'])
  })

  test('checks and references hold', async () => {
    await using store = await open()
    await givenSession(store, { uid: 's1', clientIds: ['wiki'] })
    await assert.rejects(
      store.transact((tx) => tx.db.updateTable('session').set({ state: 'ended' }).execute()),
    )
    const added = { session_uid: 'nobody', client_id: 'c', number: 1 }
    await assert.rejects(
      store.transact((tx) =>
        insertRows(tx, 'attempt', [
          { ...emptyAttempt, delivery_id: added.session_uid, number: added.number },
        ]),
      ),
    )
  })

  test('a client session is merged by its key: a second one changes nothing, an ended one is replaced', async () => {
    await using store = await open()
    await givenSession(store, { uid: 's1' })
    const add = (sid: string) => store.transact((tx) => insertClientSession(tx, { ...newMember, sid }))
    await add('first')
    await assert.rejects(add('second'), { demand: 'other_client_session' })
    await store.transact((tx) => tx.db.updateTable('client_session').set({ ended_at: 7 }).execute())
    await add('third')
    const rows = await store.read.db.selectFrom('client_session').select(['sid', 'ended_at']).execute()
    assert.deepEqual(plain(rows), [{ sid: 'third', ended_at: null }])
  })

  test('bulk rows: keys of what matched, rows that are there left alone, one parameter for many values', async () => {
    await using store = await open()
    const matched = await store.transact(async (tx) => {
      await insertRows(
        tx,
        'handle',
        ['a', 'b', 'c'].map((id) => ({ ...handle(id), realm_id: 'demo' })),
      )
      await insertRows(tx, 'handle', [handle('a', 'other'), handle('d')], { onConflict: 'skip' })
      return updateRows(
        tx,
        'handle',
        { key: 'id_hash', match: ['expires_at'], set: ['purpose', 'used_at'], present: 'realm_id' },
        [
          { id_hash: 'a', expires_at: 1, purpose: 'new', used_at: 9 },
          { id_hash: 'b', expires_at: 2, purpose: 'new', used_at: 9 },
          { id_hash: 'd', expires_at: 1, purpose: 'new', used_at: 9 },
          { id_hash: 'x', expires_at: 1, purpose: 'new', used_at: 9 },
        ],
      )
    })
    assert.deepEqual([...matched], ['a'])
    const rows = await store.read.db
      .selectFrom('handle')
      .select(['id_hash', 'purpose', 'used_at'])
      .where(isOneOf(store.read, 'id_hash', ['a', 'b', 'd', 'nobody']))
      .orderBy('id_hash')
      .execute()
    assert.deepEqual(plain(rows), [
      { id_hash: 'a', purpose: 'new', used_at: 9 },
      { id_hash: 'b', purpose: 'test', used_at: null },
      { id_hash: 'd', purpose: 'test', used_at: null },
    ])
  })
}

const emptyAttempt = {
  started_at: 1,
  finished_at: null,
  outcome: null,
  status: null,
  reason: null,
  detail: null,
  duration_ms: null,
  address: null,
  jti: null,
  kid: null,
  certificate: null,
  answer: null,
}

forEachDatabase('the contract of a store', (database) => {
  everyStore(emptied(() => database.open()))
})

describe('the contract of a store [simulated]', () => everyStore(simulated))
