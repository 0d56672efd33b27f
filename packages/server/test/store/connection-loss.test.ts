import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { CompiledQuery, sql } from 'kysely'
import { isCurfewError } from '../../src/errors.ts'
import { forEachDatabase } from '../support/database.ts'

forEachDatabase('a connection that is lost', (database) => {
  test('between two statements of a transaction fails that transaction alone, and the process goes on (F-19)', {
    skip: database.dialect === 'sqlite' && 'the embedded database has no connection',
  }, async () => {
    await using store = await database.open()
    const cut = store.transact(async (tx) => {
      const { rows } = await sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(tx.db)
      await sql`select pg_terminate_backend(${rows[0]?.pid})`.execute(store.read.db)
      await delay(100)
      await tx.db.selectFrom('realm').select('id').execute()
    })
    await assert.rejects(cut, (error) => isCurfewError(error) && error.code === 'CURFEW_STORE_UNAVAILABLE')
    await store.check()
  })

  test('reads that share a connection do not answer for each other: one that is refused leaves the others alone', {
    skip: database.dialect === 'sqlite' && 'the embedded database has no connection',
  }, async () => {
    await using store = await database.open()
    const shared = store.read.quick
    assert.ok(shared)
    const read = (text: string) => shared.executeQuery<{ n: number }>(CompiledQuery.raw(text))
    const answers = await Promise.allSettled([
      read('select 1 as n'),
      read('select 1 / 0 as n'),
      read('select 2 as n'),
      read('select 3 as n from nowhere'),
      read('select 4 as n'),
      read('select 4 as n'),
    ])
    const seen = answers.map((answer) =>
      answer.status === 'fulfilled' ? answer.value.rows[0]?.n : answer.reason.code,
    )
    assert.deepEqual(seen, [1, '22012', 2, '42P01', 4, 4])
  })

  test('a statement that is refused unseen takes its transaction along, and the connection serves the next one', {
    skip: database.dialect === 'sqlite' && 'a statement there is refused at its call',
  }, async () => {
    await using store = await database.open()
    for (let round = 0; round < 20; round++) {
      const refused = store.transact(async (tx) => {
        tx.withCommit(sql`select 1 / ${round % 2}::int`.execute(tx.db))
        tx.withCommit(sql`insert into revoked_token values (${`r${round}`}, 1)`.execute(tx.db))
      })
      if (round % 2 === 0) await assert.rejects(refused, { code: '22012' })
      else await refused
    }
    const { rows } = await sql<{ n: number }>`select count(*) as n from revoked_token`.execute(store.read.db)
    assert.equal(rows[0]?.n, 10)
  })
})
