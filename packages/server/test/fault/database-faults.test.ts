/** What each fault of the database does to a transaction: done, tried again, or refused without half a state. */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, test } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import { sql } from 'kysely'
import pg from 'pg'
import { systemAmbient } from '../../src/ambient/ambient.ts'
import { isCurfewError } from '../../src/errors.ts'
import { readSession } from '../../src/session/read-session.ts'
import { readFrames } from '../../src/sign-out/trigger/read-frames.ts'
import { openSqliteQueries } from '../../src/store/sqlite/sqlite-driver.ts'
import { openStore, type Queryable, type Store, type Tx } from '../../src/store/store.ts'
import { forEachDatabase, type TestDatabase } from '../support/database.ts'
import { type FaultProxy, startFaultProxy } from '../support/fault-proxy.ts'

const insertHandle = async (tx: Tx, id: string): Promise<void> => {
  const row = {
    id_hash: id,
    realm_id: null,
    purpose: 'test',
    payload: 'x'.repeat(2000),
    expires_at: 1,
    used_at: null,
  }
  await tx.db
    .insertInto('handle')
    .values(row)
    .onConflict((conflict) => conflict.doNothing())
    .execute()
}

const handleIds = async (store: Store): Promise<readonly string[]> =>
  (await store.read.db.selectFrom('handle').select('id_hash').orderBy('id_hash').execute()).map(
    (row) => row.id_hash,
  )

const readingOf = (database: DatabaseSync): Queryable => ({
  db: openSqliteQueries(database),
  dialect: 'sqlite',
})

const isUnavailable = (error: unknown): boolean => isCurfewError(error, 'CURFEW_STORE_UNAVAILABLE')

interface Faulty extends AsyncDisposable {
  readonly store: Store
  readonly proxy: FaultProxy
  /** A connection beside the server's, for locks and settings. */
  readonly operator: pg.Client
}

/** A store on PostgreSQL that reaches it through the proxy. */
async function openFaulty(database: TestDatabase, connectionCountMax = 4): Promise<Faulty> {
  const { dataDir, databaseUrl } = await database.create()
  const direct = new URL(databaseUrl ?? '')
  const proxy = await startFaultProxy(Number(direct.port))
  const through = new URL(direct)
  through.port = String(proxy.port)
  const store = await openStore({ dataDir, databaseUrl: through.href, connectionCountMax }, systemAmbient())
  const operator = new pg.Client({ connectionString: direct.href })
  await operator.connect()
  return {
    store,
    proxy,
    operator,
    async [Symbol.asyncDispose]() {
      proxy.heal()
      await operator.end()
      await store[Symbol.asyncDispose]()
      await proxy[Symbol.asyncDispose]()
    },
  }
}

forEachDatabase('a fault of the database', (database) => {
  if (database.dialect === 'sqlite') defineForSqlite(database)
  else describe('outside the server', { concurrency: true }, () => defineForPostgres(database))
})

function defineForSqlite(database: TestDatabase): void {
  test('F-25, C-05: a full disk refuses the work, keeps what was committed, and is over when there is room', async () => {
    await using store = await database.open()
    const limit = (pages: string) =>
      store.transact(async (tx) => void (await sql.raw(`pragma max_page_count = ${pages}`).execute(tx.db)))
    await store.transact((tx) => insertHandle(tx, 'kept-0'))
    const [size] = (await sql<{ page_count: number }>`pragma page_count`.execute(store.read.db)).rows
    await limit(String((size?.page_count ?? 0) + 8))
    const acknowledged = ['kept-0']
    let refusal: unknown
    for (let i = 1; i < 100 && refusal === undefined; i++) {
      const id = `kept-${i}`
      await store
        .transact((tx) => insertHandle(tx, id))
        .then(
          () => acknowledged.push(id),
          (error) => (refusal = error),
        )
    }
    assert.ok(isUnavailable(refusal), String(refusal))
    assert.deepEqual(await handleIds(store), acknowledged.toSorted())
    await limit('1000000')
    await store.transact((tx) => insertHandle(tx, 'after'))
    assert.ok((await handleIds(store)).includes('after'))
  })

  test('F-25: a file that cannot be read any more is said to be unavailable, a wrong statement is not', async () => {
    const { dataDir } = await database.create()
    const file = join(dataDir, 'broken.db')
    writeFileSync(file, 'no database'.repeat(1000))
    using broken = new DatabaseSync(file)
    await assert.rejects(readSession(readingOf(broken), 'one'), isUnavailable)
    using empty = new DatabaseSync(':memory:')
    await assert.rejects(readSession(readingOf(empty), 'one'), (error) => !isUnavailable(error))
  })

  test('F-25: in a shared commit the work that does not fit fails alone or with its group, never by half', async () => {
    await using store = await database.open()
    const [size] = (await sql<{ page_count: number }>`pragma page_count`.execute(store.read.db)).rows
    await store.transact(
      async (tx) =>
        void (await sql.raw(`pragma max_page_count = ${(size?.page_count ?? 0) + 4}`).execute(tx.db)),
    )
    const works = Array.from({ length: 40 }, (_, index) =>
      store.transact(async (tx) => {
        await insertHandle(tx, `pair-${index}-a`)
        await insertHandle(tx, `pair-${index}-b`)
        return index
      }),
    )
    const results = await Promise.allSettled(works)
    const done = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []))
    const expected = done.flatMap((index) => [`pair-${index}-a`, `pair-${index}-b`])
    assert.deepEqual(await handleIds(store), expected.toSorted())
    assert.ok(results.some((result) => result.status === 'rejected'))
  })
}

function defineForPostgres(database: TestDatabase): void {
  test('F-19: a half-open connection is given up after its time, and the next work gets a new one', async () => {
    await using faulty = await openFaulty(database)
    const { store, proxy } = faulty
    // both connections are there before they go deaf
    await Promise.all([readSession(store.read, 'one'), store.transact((tx) => insertHandle(tx, 'before'))])
    proxy.blackhole('toCaller')
    const startedAt = performance.now()
    const reading = readSession(store.read, 'one')
    const readingBehind = wait(200).then(() => readSession(store.read, 'another'))
    const writing = store.transact((tx) => insertHandle(tx, 'deaf'))
    const refusals = [reading, readingBehind, writing].map((waiting) =>
      assert.rejects(waiting, isUnavailable),
    )
    await Promise.all(refusals)
    assert.ok(performance.now() - startedAt < 20_000)
    proxy.heal()
    assert.equal(await readSession(store.read, 'one'), undefined)
    await store.transact((tx) => insertHandle(tx, 'heard'))
    assert.ok((await handleIds(store)).includes('heard'))
  })

  test('F-20: a database that is 200 ms away is slow and nothing else', async () => {
    await using faulty = await openFaulty(database)
    const { store, proxy } = faulty
    proxy.delay('toCaller', 200)
    const ids = Array.from({ length: 12 }, (_, index) => `far-${index + 10}`)
    const startedAt = performance.now()
    await Promise.all(ids.map((id) => store.transact((tx) => insertHandle(tx, id))))
    assert.ok(performance.now() - startedAt >= 600)
    assert.deepEqual(await handleIds(store), ids)
  })

  test('F-21, C-05: a connection that is reset before COMMIT arrives leaves nothing, and the caller knows', async () => {
    await using faulty = await openFaulty(database)
    const { store, proxy } = faulty
    const sprung = proxy.resetAfter('cut-before', 'unseen')
    await assert.rejects(
      store.transact((tx) => insertHandle(tx, 'cut-before')),
      isUnavailable,
    )
    await sprung
    assert.deepEqual(await handleIds(store), [])
    await store.transact((tx) => insertHandle(tx, 'cut-before'))
    assert.deepEqual(await handleIds(store), ['cut-before'])
  })

  test('F-21, R12, C-05: when only the answer to COMMIT is lost the caller hears an error, and the same key again is one row', async () => {
    await using faulty = await openFaulty(database)
    const { store, proxy } = faulty
    const sprung = proxy.resetAfter('cut-after', 'unanswered')
    await assert.rejects(
      store.transact((tx) => insertHandle(tx, 'cut-after')),
      isUnavailable,
    )
    await sprung
    assert.deepEqual(await handleIds(store), ['cut-after'])
    await store.transact((tx) => insertHandle(tx, 'cut-after'))
    assert.deepEqual(await handleIds(store), ['cut-after'])
  })

  test('F-22, C-05: a pool without a free connection refuses after its time instead of waiting for ever', async () => {
    await using faulty = await openFaulty(database, 2)
    const { store } = faulty
    const released = Promise.withResolvers<void>()
    const holders = ['one', 'two'].map((id) =>
      store.transact(async (tx) => {
        await insertHandle(tx, id)
        await released.promise
      }),
    )
    await assert.rejects(
      store.transact((tx) => insertHandle(tx, 'three')),
      isUnavailable,
    )
    released.resolve()
    await Promise.all(holders)
    await store.transact((tx) => insertHandle(tx, 'three'))
    assert.deepEqual(await handleIds(store), ['one', 'three', 'two'])
  })

  test('F-23, C-05: while the database is read-only works are refused, and after the failover they go on', async () => {
    await using faulty = await openFaulty(database)
    const { store, operator, proxy } = faulty
    const { rows } = await operator.query<{ name: string }>('select current_database() as name')
    const name = rows[0]?.name ?? ''
    await operator.query(`alter database ${name} set default_transaction_read_only = on`)
    proxy.reset()
    await wait(50)
    await assert.rejects(
      store.transact((tx) => insertHandle(tx, 'standby')),
      isUnavailable,
    )
    await operator.query(`set default_transaction_read_only = off`)
    await operator.query(`alter database ${name} set default_transaction_read_only = off`)
    proxy.reset()
    await wait(50)
    await store.transact((tx) => insertHandle(tx, 'primary'))
    assert.deepEqual(await handleIds(store), ['primary'])
  })

  test('F-23: connections that the database closes for its shutdown are replaced', async () => {
    await using faulty = await openFaulty(database)
    const { store, operator } = faulty
    await operator.query(
      "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'curfew' and datname = current_database()",
    )
    await wait(100)
    await store.transact((tx) => insertHandle(tx, 'again'))
    assert.deepEqual(await handleIds(store), ['again'])
  })

  for (const isWaitedFor of [true, false]) {
    const how = isWaitedFor ? 'whose answer is waited for' : 'whose answer nobody waits for'
    test(`F-24: of two works that lock each other out by a statement ${how} both are done in the end`, async () => {
      await using faulty = await openFaulty(database)
      const { store } = faulty
      await store.transact(async (tx) => {
        await insertHandle(tx, 'a')
        await insertHandle(tx, 'b')
      })
      const both = Promise.withResolvers<void>()
      let firstLocks = 0
      const cross = (first: string, second: string) =>
        store.transact(async (tx) => {
          const touch = (id: string) =>
            tx.db
              .updateTable('handle')
              .set((column) => ({ used_at: sql<number>`coalesce(${column.ref('used_at')}, 0) + 1` }))
              .where('id_hash', '=', id)
              .execute()
          await touch(first)
          if (++firstLocks === 2) both.resolve()
          await both.promise
          const touched = touch(second)
          if (isWaitedFor) await touched
          else tx.withCommit(touched)
          await tx.db.selectFrom('handle').select('id_hash').execute()
        })
      await Promise.all([cross('a', 'b'), cross('b', 'a')])
      const rows = await store.read.db.selectFrom('handle').select('used_at').execute()
      assert.deepEqual(
        rows.map((row) => row.used_at),
        [2, 2],
      )
    })
  }

  test('F-26: whoever locks the outbox holds up no look at a session', async () => {
    await using faulty = await openFaulty(database)
    const { store, operator } = faulty
    await readSession(store.read, 'warm')
    await operator.query('begin')
    await operator.query('lock table delivery in access exclusive mode')
    const frames = readFrames(store.read, 'so_1')
    await wait(100)
    const startedAt = performance.now()
    await readSession(store.read, 's')
    assert.ok(performance.now() - startedAt < 1000)
    await operator.query('rollback')
    assert.deepEqual(await frames, [])
  })

  test('F-26: a lock on the table is waited for, and refused when it takes too long', async () => {
    await using faulty = await openFaulty(database)
    const { store, operator } = faulty
    const hold = async (ms: number): Promise<void> => {
      await operator.query('begin')
      await operator.query('lock table handle in access exclusive mode')
      setTimeout(() => void operator.query('rollback').catch(() => undefined), ms)
    }
    await hold(1000)
    await store.transact((tx) => insertHandle(tx, 'patient'))
    await hold(10_000)
    await assert.rejects(
      store.transact((tx) => insertHandle(tx, 'refused')),
      isUnavailable,
    )
    await wait(2500)
    assert.deepEqual(await handleIds(store), ['patient'])
  })
}
