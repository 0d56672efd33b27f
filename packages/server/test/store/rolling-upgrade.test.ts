import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sql } from 'kysely'
import { systemAmbient } from '../../src/ambient/ambient.ts'
import { isCurfewError } from '../../src/errors.ts'
import { type Migration, migrate, migrations } from '../../src/store/migration/migrate.ts'
import { beat, endProcess } from '../../src/store/process.ts'
import { openStore } from '../../src/store/store.ts'
import { forEachDatabase } from '../support/database.ts'

const at = Date.UTC(2026, 10, 22)
const next = (isBreaking: boolean): Migration => ({
  name: '9999-next',
  isBreaking,
  up: async () => undefined,
})

forEachDatabase('R25: a new version on a database that is in use', (database) => {
  test('brings an additive migration while old processes live', async () => {
    await using store = await database.open()
    await beat(store, 'old', at)
    const applied = await store.transact((tx) => migrate(tx, [...migrations, next(false)], at))
    assert.deepEqual(applied, ['9999-next'])
    assert.deepEqual(
      await store.transact((tx) => migrate(tx, migrations, at)),
      [],
      'old code starts again on it',
    )
  })

  test('refuses a breaking migration while an old process lives, and brings it when that one has ended', async () => {
    await using store = await database.open()
    await beat(store, 'old', at)
    const upgrade = (now: number) => store.transact((tx) => migrate(tx, [...migrations, next(true)], now))
    await assert.rejects(
      upgrade(at + 20_000),
      (error) =>
        isCurfewError(error, 'CURFEW_STORE_MIGRATION_REFUSED') && /1 running process/.test(error.message),
    )
    await endProcess(store, 'old')
    assert.deepEqual(await upgrade(at + 20_000), ['9999-next'])
  })

  test('waits for a process from the moment on at which that one found the schema as it knows it', async () => {
    const settings = await database.create()
    await using store = await openStore({ ...settings, processId: 'starting' }, systemAmbient())
    const upgrade = store.transact((tx) => migrate(tx, [...migrations, next(true)], Date.now()))
    await assert.rejects(upgrade, (error) => isCurfewError(error, 'CURFEW_STORE_MIGRATION_REFUSED'))
  })

  test('does not wait for a process that died without a word, once its heartbeat is 30 s old', async () => {
    await using store = await database.open()
    await beat(store, 'dead', at)
    const upgrade = (now: number) => store.transact((tx) => migrate(tx, [...migrations, next(true)], now))
    await assert.rejects(upgrade(at + 29_000), (error) =>
      isCurfewError(error, 'CURFEW_STORE_MIGRATION_REFUSED'),
    )
    assert.deepEqual(await upgrade(at + 31_000), ['9999-next'])
  })

  test('a running process goes on when a newer one adds a column to a table that it reads whole', async () => {
    await using store = await database.open()
    const readers = [store.read.db, store.read.quick ?? store.read.db]
    const readWhole = async (): Promise<void> => {
      for (const db of readers) await db.selectFrom('endpoint').selectAll().execute()
      await store.transact((tx) => tx.db.selectFrom('endpoint').selectAll().execute())
    }
    await readWhole()
    await store.transact((tx) => sql`alter table endpoint add column newer text`.execute(tx.db))
    await readWhole()
    await readWhole()
  })

  test('after a breaking migration old code does not start', async () => {
    await using store = await database.open()
    await store.transact((tx) => migrate(tx, [...migrations, next(true)], at))
    await assert.rejects(
      store.transact((tx) => migrate(tx, migrations, at)),
      (error) => isCurfewError(error, 'CURFEW_STORE_TOO_NEW') && /9999-next/.test(error.message),
    )
  })
})
