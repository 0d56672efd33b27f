/** The disk of the database fills up: errors, nothing by half, nothing acknowledged lost, and work again when there is room. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import { systemAmbient } from '../../src/ambient/ambient.ts'
import { isCurfewError } from '../../src/errors.ts'
import { type Dialect, openStore, type Store } from '../../src/store/store.ts'
import { forEachDatabase } from '../support/database.ts'
import { createDatabase, startPostgres } from '../support/postgres.ts'
import { mountSmallDisk } from '../support/small-disk.ts'

const diskMib = 160
/** Less than a segment of PostgreSQL's log, so that the next one does not fit. */
const leftKib = 6000

/** Two rows in one transaction: never one of them alone. */
async function insertPair(store: Store, id: string): Promise<void> {
  // what cannot be compressed fills a disk
  const payload = randomBytes(8000).toString('base64')
  const rest = { realm_id: null, purpose: 'test', payload, expires_at: 1, used_at: null }
  await store.transact(async (tx) => {
    for (const part of ['a', 'b'])
      await tx.db
        .insertInto('handle')
        .values({ id_hash: `${id}-${part}`, ...rest })
        .execute()
  })
}

async function storedPairs(store: Store): Promise<ReadonlySet<string>> {
  const rows = await store.read.db.selectFrom('handle').select('id_hash').execute()
  const parts = Map.groupBy(rows, ({ id_hash }) => id_hash.slice(0, -2))
  for (const [id, found] of parts) assert.equal(found.length, 2, `${id} is stored by half`)
  return new Set(parts.keys())
}

interface OnDisk extends AsyncDisposable {
  readonly store: Store
  /** PostgreSQL ends itself when its log has no room, and is started again by whoever looks after it. */
  revive(): Promise<void>
}

async function openOnDisk(dialect: Dialect, folder: string): Promise<OnDisk> {
  if (dialect === 'sqlite') {
    const store = await openStore({ dataDir: join(folder, 'data') }, systemAmbient())
    return { store, revive: async () => undefined, [Symbol.asyncDispose]: () => store[Symbol.asyncDispose]() }
  }
  const settings = ['max_wal_size=32MB', 'min_wal_size=32MB']
  const server = await startPostgres({ parent: folder, fsync: true, settings })
  const { url } = await createDatabase(server.url)
  const store = await openStore({ dataDir: '', databaseUrl: url }, systemAmbient())
  return {
    store,
    async revive() {
      if (server.process.exitCode !== null || server.process.signalCode !== null) await server.restart()
    },
    async [Symbol.asyncDispose]() {
      await store[Symbol.asyncDispose]()
      await server.stop()
    },
  }
}

async function untilItWorks({ store, revive }: OnDisk): Promise<void> {
  for (let tryNumber = 0; tryNumber < 100; tryNumber++) {
    await revive()
    const works = await insertPair(store, `again${tryNumber}`).then(
      () => true,
      () => false,
    )
    if (works) return
    await wait(100)
  }
  assert.fail('the store does not work again')
}

forEachDatabase('the disk of the database', (database) => {
  test('F-25: when it is full the work is refused, and nothing that was acknowledged is lost', async (t) => {
    using disk = mountSmallDisk(diskMib)
    if (!disk) return t.skip('a file system can be mounted by root alone')
    await using onDisk = await openOnDisk(database.dialect, disk.folder)
    const { store } = onDisk
    const acknowledged: string[] = []
    for (let index = 0; index < 20; index++) {
      await insertPair(store, `before${index}`)
      acknowledged.push(`before${index}`)
    }
    disk.fill(leftKib)
    let refusedCount = 0
    for (let index = 0; index < 4000 && refusedCount < 20; index++) {
      const id = `full${index}`
      try {
        await insertPair(store, id)
        acknowledged.push(id)
      } catch (error) {
        assert.ok(isCurfewError(error, 'CURFEW_STORE_UNAVAILABLE'), String(error))
        refusedCount += 1
      }
    }
    assert.equal(refusedCount, 20, 'the disk was never full')
    disk.free()
    await untilItWorks(onDisk)
    const stored = await storedPairs(store)
    assert.deepEqual(
      acknowledged.filter((id) => !stored.has(id)),
      [],
    )
  })
})
