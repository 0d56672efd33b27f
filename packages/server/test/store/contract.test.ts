/**
 * What the product relies on in a store, the same for SQLite, PostgreSQL and the simulator's store in memory. The
 * simulator proves something about the product only as far as this holds (delivery.md, "how we test", 5).
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { sql } from 'kysely'
import { endSessionRow } from '../../src/session/end-session-rows.ts'
import { insertClientSession } from '../../src/session/insert-client-session.ts'
import { lockSession } from '../../src/session/lock-session.ts'
import { insertRows, isOneOf, updateRows } from '../../src/store/bulk-rows.ts'
import { type LockMode, type Store, type Tx, withLock } from '../../src/store/store.ts'
import { openSimulatedStore } from '../simulation/store/simulated-database.ts'
import { forEachDatabase } from '../support/database.ts'
import { givenSession } from '../support/session-fixture.ts'

interface Opening {
  open(): Promise<Store>
}

/** Two works side by side; each says when it may go on, so that the order is the test's. */
interface Step {
  readonly reached: Promise<void>
  reach(): void
}

function step(): Step {
  let reach = (): void => undefined
  const reached = new Promise<void>((resolve) => {
    reach = resolve
  })
  return { reached, reach: () => reach() }
}

/** True when the promise is settled within this time: long enough for a statement, shorter than any lock's wait. */
async function settlesWithin(ms: number, promise: Promise<unknown>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined
  const timeOver = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), ms)
  })
  try {
    return await Promise.race([promise.then(() => true), timeOver])
  } finally {
    clearTimeout(timer)
  }
}

/** SQLite's rows have no prototype. */
function plain<T extends object>(rows: readonly T[]): readonly T[] {
  return rows.map((row) => ({ ...row }))
}

const handle = (id: string, purpose = 'test') => ({
  id_hash: id,
  realm_id: null,
  purpose,
  payload: '{}',
  expires_at: 1,
  used_at: null,
})

const insertHandle = (tx: Tx, id: string, purpose?: string): Promise<unknown> =>
  tx.db.insertInto('handle').values(handle(id, purpose)).execute()

const handleIds = async (store: Store): Promise<readonly string[]> =>
  (await store.read.db.selectFrom('handle').select('id_hash').orderBy('id_hash').execute()).map(
    (row) => row.id_hash,
  )

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
    assert.equal(await add('first'), true)
    assert.equal(await add('second'), false)
    await store.transact((tx) => tx.db.updateTable('client_session').set({ ended_at: 7 }).execute())
    assert.equal(await add('third'), true)
    const rows = await store.read.db.selectFrom('client_session').select(['sid', 'ended_at']).execute()
    assert.deepEqual(plain(rows), [{ sid: 'third', ended_at: null }])
  })

  test('bulk rows: keys of what matched, rows that are there left alone, one parameter for many values', async () => {
    await using store = await open()
    const matched = await store.transact(async (tx) => {
      await insertRows(
        tx,
        'handle',
        ['a', 'b', 'c'].map((id) => handle(id)),
      )
      await insertRows(tx, 'handle', [handle('a', 'other'), handle('d')], { onConflict: 'skip' })
      return updateRows(
        tx,
        'handle',
        { key: 'id_hash', match: ['expires_at'], set: ['purpose', 'used_at'], where: 'used_at is null' },
        [
          { id_hash: 'a', expires_at: 1, purpose: 'new', used_at: 9 },
          { id_hash: 'b', expires_at: 2, purpose: 'new', used_at: 9 },
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

const newMember = {
  sessionUid: 's1',
  clientId: 'wiki',
  realmId: 'r1',
  sid: 'sid',
  protocol: 'openid-connect',
  grantId: undefined,
  sub: 'alice',
  issuer: 'http://localhost/realms/test',
  adapterSessionId: undefined,
  adapterSessionHost: undefined,
  nameId: undefined,
  sessionIndex: undefined,
  startedAt: 1,
  lastActiveAt: 1,
  answeredAt: 1,
  expiresAt: 2,
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

/** One store for all tests of a block, emptied before each: a database for every test would take a second each. */
function emptied(open: () => Promise<Store>): Opening {
  let opened: Promise<Store> | undefined
  return {
    async open() {
      opened ??= open()
      const store = await opened
      await store.transact(async (tx) => {
        for (const table of ['client_session', 'session', 'handle'] as const) {
          await tx.db.deleteFrom(table).execute()
        }
      })
      return { ...store, [Symbol.asyncDispose]: () => Promise.resolve() }
    },
  }
}

forEachDatabase('the contract of a store', (database) => {
  const opening = emptied(() => database.open())
  everyStore(opening)
  if (database.dialect === 'postgres') storesWithRowLocks(opening)
})

describe('the contract of a store [simulated]', () => {
  const simulated = { open: openSimulatedStore }
  everyStore(simulated)
  storesWithRowLocks(simulated)
})
