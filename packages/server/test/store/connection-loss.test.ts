import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { sql } from 'kysely'
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
})
