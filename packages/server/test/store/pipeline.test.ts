/** Statements leave before the ones ahead of them are answered: what of a transaction could reach another one. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { sql } from 'kysely'
import { isCurfewError } from '../../src/errors.ts'
import { compiledQuery, demandedStatement, Unmet } from '../../src/store/compiled-query.ts'
import type { Store, Tx } from '../../src/store/store.ts'
import { forEachDatabase } from '../support/database.ts'

const insertHandle = (tx: Tx, id: string): Promise<unknown> =>
  tx.db
    .insertInto('handle')
    .values({ id_hash: id, realm_id: null, purpose: 'test', payload: '{}', expires_at: 1, used_at: null })
    .execute()

const handleIds = async (store: Store): Promise<readonly string[]> =>
  (await store.read.db.selectFrom('handle').select('id_hash').orderBy('id_hash').execute()).map(
    (row) => row.id_hash,
  )

const handleByHash = compiledQuery(['idHash'], (db, { idHash }) =>
  db.selectFrom('handle').selectAll().where('id_hash', '=', idHash),
)

const demandHandle = demandedStatement('handle_there', { idHash: '' }, (db, { idHash }) =>
  db.selectFrom('handle').select('id_hash').where('id_hash', '=', idHash),
)

/** A unique violation, in the words of either database. */
const isUniqueViolation = (error: unknown): boolean =>
  error instanceof Error && !isCurfewError(error) && /unique/i.test(error.message)

forEachDatabase('statements that are not waited for', (database) => {
  test('the one that fails is the error, though another one is refused because of it', async () => {
    await using store = await database.open()
    await store.transact((tx) => insertHandle(tx, 'there'))
    const work = store.transact(async (tx) => {
      tx.withCommit(insertHandle(tx, 'there'))
      await insertHandle(tx, 'beside')
    })
    await assert.rejects(work, isUniqueViolation)
    assert.deepEqual(await handleIds(store), ['there'])
  })

  test('a demand that is not met is the error, though a statement behind it is waited for first', async () => {
    await using store = await database.open()
    const work = store.transact(async (tx) => {
      tx.withCommit(demandHandle(tx, { idHash: 'nowhere' }))
      await insertHandle(tx, 'beside')
      await handleByHash(tx, { idHash: 'beside' })
    })
    await assert.rejects(work, (error) => error instanceof Unmet && error.demand === 'handle_there')
    assert.deepEqual(await handleIds(store), [])
  })

  test('one that fails unseen keeps the transaction from being acknowledged, and the connection is fit again', async () => {
    await using store = await database.open()
    await store.transact((tx) => insertHandle(tx, 'there'))
    for (let round = 0; round < 12; round++) {
      const work = store.transact(async (tx) => {
        tx.withCommit(insertHandle(tx, `beside-${round}`))
        tx.withCommit(insertHandle(tx, 'there'))
      })
      await assert.rejects(work, isUniqueViolation)
    }
    await Promise.all(
      Array.from({ length: 12 }, (_, index) => store.transact((tx) => insertHandle(tx, `w${index + 10}`))),
    )
    assert.equal((await handleIds(store)).length, 13)
  })

  test('a statement that comes when its transaction is over runs nowhere, least of all in the next one', async () => {
    await using store = await database.open()
    const left = Promise.withResolvers<unknown>()
    const isOver = Promise.withResolvers<void>()
    const broken = store.transact(async (tx) => {
      const straying = async (): Promise<void> => {
        await isOver.promise
        await insertHandle(tx, 'stray')
      }
      straying().then(left.resolve, left.reject)
      throw new RangeError('changed my mind')
    })
    await assert.rejects(broken, RangeError)
    const next = store.transact(async (tx) => {
      await insertHandle(tx, 'next')
      isOver.resolve()
      await delay(20)
    })
    await assert.rejects(left.promise, /after the transaction had ended/)
    await next
    assert.deepEqual(await handleIds(store), ['next'])
  })

  test('R25: a column that a newer version adds breaks no statement that this process has prepared', async () => {
    await using store = await database.open()
    await store.transact((tx) => insertHandle(tx, 'a'))
    const readAll = async (): Promise<void> => {
      // several connections, so that more than one has the statement prepared
      const works = Array.from({ length: 4 }, () =>
        store.transact(async (tx) => {
          await delay(10)
          const [row] = await handleByHash(tx, { idHash: 'a' })
          assert.equal(row?.purpose, 'test')
        }),
      )
      await Promise.all(works)
      const reads = Array.from({ length: 4 }, async () => {
        const [row] = await handleByHash(store.read, { idHash: 'a' })
        assert.equal(row?.purpose, 'test')
        const found = await store.read.db.selectFrom('handle').selectAll().execute()
        assert.equal(found.length, 1)
      })
      await Promise.all(reads)
    }
    for (let version = 0; version < 3; version++) {
      await readAll()
      await store.transact(async (tx) => {
        await sql`alter table handle add column ${sql.id(`added_${version}`)} text`.execute(tx.db)
      })
    }
    await readAll()
  })
})
