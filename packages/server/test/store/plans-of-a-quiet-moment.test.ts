/** PostgreSQL plans a statement once and keeps the plan: what it saw of a quiet moment must not cost at a busy one. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sql } from 'kysely'
import pg from 'pg'
import { systemAmbient } from '../../src/ambient/ambient.ts'
import { takeBackExpiredLeases } from '../../src/delivery/take-back-leases.ts'
import { openStore, type Store, type Tx } from '../../src/store/store.ts'
import { forEachDatabase } from '../support/database.ts'
import { claimAt, givenSignOut, settleAs } from '../support/outbox.ts'

const accepted = { kind: 'answered', status: 200, answer: '', durationMs: 5 } as const
const clientIds = Array.from({ length: 20 }, (_, index) => `app-${index}`)

forEachDatabase('a plan that was made at a quiet moment', (database) => {
  if (database.dialect === 'sqlite') return

  test('reads no more for a delivery when a thousand others have come since', async () => {
    const settings = await database.create()
    let at = Date.now()
    const signOutAndTellAll = async (store: Store): Promise<void> => {
      await givenSignOut(store, clientIds, at)
      const { leased } = await claimAt(store, clientIds, at)
      assert.equal(leased.length, clientIds.length)
      assert.deepEqual(await takeBackExpiredLeases(store, at), [])
      await settleAs(store, leased, accepted, at)
      at += 1000
    }
    const signOutsOf = async (
      roundCount: number,
      before: (store: Store) => Promise<unknown>,
    ): Promise<void> => {
      const store = await openStore(settings, systemAmbient())
      try {
        await before(store)
        for (let round = 0; round < roundCount; round++) await signOutAndTellAll(store)
      } finally {
        await store[Symbol.asyncDispose]()
      }
    }
    await signOutsOf(40, async ({ read }) => {
      for (const table of ['delivery', 'attempt', 'endpoint'])
        await sql`alter table ${sql.table(table)} set (autovacuum_enabled = false)`.execute(read.db)
    })
    // as PostgreSQL does by itself at night: nothing is pending, and nothing is leased
    await signOutsOf(60, ({ read }) => sql`vacuum analyze delivery`.execute(read.db))
    const { rowsWalked, entriesPerScan } = await readCounters(settings.databaseUrl as string)
    assert.equal(rowsWalked, 0, 'rows that were read by walking over a whole table')
    // a row has a few versions until its old ones are swept away, and a walk along an index meets hundreds
    assert.ok((entriesPerScan.get('delivery_pkey') ?? 0) < 20, `${entriesPerScan.get('delivery_pkey')}`)
    assert.deepEqual([...entriesPerScan.keys()].toSorted(), [
      'delivery_in_flight',
      'delivery_leased',
      'delivery_pending',
      'delivery_pkey',
    ])
  })

  test('is thrown away after 10 s', async () => {
    let now = Date.now()
    const ambient = { ...systemAmbient(), clock: { now: () => now } }
    await using store = await openStore({ ...(await database.create()), connectionCountMax: 2 }, ambient)
    const ask = ({ db }: Pick<Tx, 'db'>) => sql`select id from event where seq > ${0}::bigint`.execute(db)
    const planOf = () =>
      store.transact(async (tx) => {
        await ask(tx)
        const { rows } = await sql<{ name: string }>`select name from pg_prepared_statements
          where statement = 'select id from event where seq > $1::bigint'`.execute(tx.db)
        const plan = await sql`explain execute ${sql.ref(rows[0]?.name as string)}(0)`.execute(tx.db)
        return JSON.stringify(plan.rows)
      })
    // from its sixth time on PostgreSQL uses one plan for all values
    for (let round = 0; round < 6; round++) await planOf()
    const quiet = await planOf()
    await sql`insert into event (id, realm_id, at, type, details)
      select i::text, 'demo', i, 'LOGIN', repeat('x', 500) from generate_series(1, 5000) i`.execute(
      store.read.db,
    )
    now += 9000
    assert.equal(await planOf(), quiet)
    now += 1000
    assert.notEqual(await planOf(), quiet)
  })
})

interface Counters {
  readonly rowsWalked: number
  /** By the name of each index that was used. */
  readonly entriesPerScan: ReadonlyMap<string, number>
}

/** Of the deliveries; what a connection has counted is there once it is closed. */
async function readCounters(url: string): Promise<Counters> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    const table = await client.query(
      "select seq_tup_read::int as count from pg_stat_user_tables where relname = 'delivery'",
    )
    const indexes = await client.query(`select indexrelname as name, idx_tup_read::float / idx_scan as each
      from pg_stat_user_indexes where relname = 'delivery' and idx_scan > 0`)
    return {
      rowsWalked: table.rows[0].count,
      entriesPerScan: new Map(indexes.rows.map(({ name, each }) => [name, each])),
    }
  } finally {
    await client.end()
  }
}
