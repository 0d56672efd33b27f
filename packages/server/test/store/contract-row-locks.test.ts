/** The part of the stores' contract that is about row locks: PostgreSQL, and the simulator's store. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { sql } from 'kysely'
import { endSessionRow } from '../../src/session/end-session-rows.ts'
import { insertClientSession } from '../../src/session/insert-client-session.ts'
import { lockSession } from '../../src/session/lock-session.ts'
import { insertRows } from '../../src/store/bulk-rows.ts'
import { type LockMode, type Tx, withLock } from '../../src/store/store.ts'
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
  type Step,
  settlesWithin,
  simulated,
  step,
} from './contract.ts'

/** Row locks: PostgreSQL's, and the simulator's as PostgreSQL's. On SQLite the single writer is the lock. */
function storesWithRowLocks({ open }: Opening): void {
  const modes = ['for share', 'for no key update', 'for update'] as const
  const areCompatible = (one: LockMode, other: LockMode): boolean =>
    one === 'for share' && other === 'for share'

  for (const held of modes) {
    for (const asked of modes) {
      const verdict = areCompatible(held, asked) ? 'goes beside' : 'waits for'
      test(`a lock ${asked} ${verdict} one ${held}`, async () => {
        await using store = await open()
        await givenSession(store, { uid: 's1' })
        const locked = step()
        const goOn = step()
        const first = store.transact(async (tx) => {
          await lockSession(tx, 's1', held)
          locked.reach()
          await goOn.reached
        })
        await locked.reached
        const second = store.transact((tx) => lockSession(tx, 's1', asked))
        assert.equal(await settlesWithin(60, second), areCompatible(held, asked))
        goOn.reach()
        await Promise.all([first, second])
      })
    }
  }

  for (const held of modes) {
    const doesWait = held === 'for update'
    test(`a client session's reference ${doesWait ? 'waits for' : 'goes beside'} a lock ${held} on its session`, async () => {
      await using store = await open()
      await givenSession(store, { uid: 's1' })
      const locked = step()
      const goOn = step()
      const first = store.transact(async (tx) => {
        await lockSession(tx, 's1', held)
        locked.reach()
        await goOn.reached
      })
      await locked.reached
      const second = store.transact((tx) => insertClientSession(tx, newMember))
      assert.equal(await settlesWithin(60, second), !doesWait)
      goOn.reach()
      await Promise.all([first, second])
    })
  }

  test('a later statement of a work sees what was committed meanwhile', async () => {
    await using store = await open()
    const looked = step()
    const goOn = step()
    const counts: number[] = []
    const reading = store.transact(async (tx) => {
      counts.push((await tx.db.selectFrom('handle').selectAll().execute()).length)
      looked.reach()
      await goOn.reached
      counts.push((await tx.db.selectFrom('handle').selectAll().execute()).length)
    })
    await looked.reached
    await store.transact((tx) => insertHandle(tx, 'new'))
    goOn.reach()
    await reading
    assert.deepEqual(counts, [0, 1])
  })

  test('a delete that waited leaves rows alone that came after its first look', async () => {
    await using store = await open()
    await store.transact((tx) => insertHandle(tx, 'old'))
    const locked = step()
    const goOn = step()
    const inserting = store.transact(async (tx) => {
      await tx.db.updateTable('handle').set({ payload: '{"a":1}' }).where('id_hash', '=', 'old').execute()
      await insertHandle(tx, 'new')
      locked.reach()
      await goOn.reached
    })
    await locked.reached
    const deleting = store.transact((tx) =>
      tx.db.deleteFrom('handle').where('purpose', '=', 'test').execute(),
    )
    assert.equal(await settlesWithin(60, deleting), false)
    goOn.reach()
    await Promise.all([inserting, deleting])
    assert.deepEqual(await handleIds(store), ['new'])
  })

  test('a locking select that waited gives the rows that still match, as they are now', async () => {
    await using store = await open()
    for (const uid of ['s1', 's2']) await givenSession(store, { uid })
    const locked = step()
    const goOn = step()
    const ending = store.transact(async (tx) => {
      await endSessionRow(tx, 's1', 'so_a', 5000)
      locked.reach()
      await goOn.reached
    })
    await locked.reached
    const listing = store.transact((tx) =>
      withLock(
        tx,
        tx.db.selectFrom('session').select('uid').where('state', '=', 'active').orderBy('uid'),
        'for update',
      ).execute(),
    )
    assert.equal(await settlesWithin(60, listing), false)
    goOn.reach()
    await ending
    assert.deepEqual(plain(await listing), [{ uid: 's2' }])
  })

  test('skip locked leaves out what another work holds', async () => {
    await using store = await open()
    await store.transact((tx) =>
      insertRows(
        tx,
        'handle',
        ['a', 'b', 'c'].map((id) => handle(id)),
      ),
    )
    const take = async (tx: Tx): Promise<readonly string[]> => {
      const { rows } = await sql<{ id_hash: string }>`select id_hash from handle where purpose = ${'test'}
        order by id_hash limit ${2} for update skip locked`.execute(tx.db)
      return rows.map((row) => row.id_hash)
    }
    const locked = step()
    const goOn = step()
    const first = store.transact(async (tx) => {
      const taken = await take(tx)
      locked.reach()
      await goOn.reached
      return taken
    })
    await locked.reached
    assert.deepEqual(await store.transact(take), ['c'])
    goOn.reach()
    assert.deepEqual(await first, ['a', 'b'])
  })

  test('two works that wait for each other are told apart: one runs again, both succeed', async () => {
    await using store = await open()
    for (const uid of ['s1', 's2']) await givenSession(store, { uid })
    const first = step()
    const second = step()
    let runCount = 0
    const lockBoth = (one: string, other: string, own: Step, wait: Step) =>
      store.transact(async (tx) => {
        runCount += 1
        await lockSession(tx, one, 'for update')
        own.reach()
        await wait.reached
        await lockSession(tx, other, 'for update')
      })
    await Promise.all([lockBoth('s1', 's2', first, second), lockBoth('s2', 's1', second, first)])
    // the one that runs again may meet the other once more
    assert.ok(runCount >= 3)
  })

  test('after an error a work can do nothing but end', async () => {
    await using store = await open()
    await store.transact((tx) => insertHandle(tx, 'there'))
    await assert.rejects(
      store.transact(async (tx) => {
        await insertHandle(tx, 'new')
        await insertHandle(tx, 'there').catch(() => undefined)
        await tx.db.selectFrom('handle').selectAll().execute()
      }),
    )
    assert.deepEqual(await handleIds(store), ['there'])
  })

  test('an advisory lock of a transaction is held by one at a time', async () => {
    await using store = await open()
    const take = async (tx: Tx): Promise<boolean | undefined> => {
      const { rows } = await sql<{ got: boolean }>`select pg_try_advisory_xact_lock(${42}) as got`.execute(
        tx.db,
      )
      return rows[0]?.got
    }
    const locked = step()
    const goOn = step()
    const first = store.transact(async (tx) => {
      const got = await take(tx)
      locked.reach()
      await goOn.reached
      return got
    })
    await locked.reached
    assert.equal(await store.transact(take), false)
    goOn.reach()
    assert.equal(await first, true)
    assert.equal(await store.transact(take), true)
  })
}

forEachDatabase('row locks', (database) => {
  // on SQLite the single writer is the lock
  if (database.dialect === 'postgres') storesWithRowLocks(emptied(() => database.open()))
})

describe('row locks [simulated]', () => storesWithRowLocks(simulated))
