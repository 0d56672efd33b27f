import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CompiledQuery, createQueryId, type RootOperationNode, sql } from 'kysely'
import { endAtHorizon } from '../../src/delivery/end-at-horizon.ts'
import { takeBackExpiredLeases } from '../../src/delivery/take-back-leases.ts'
import { findEndOfSession } from '../../src/op/find-end-of-session.ts'
import { pruneSessions } from '../../src/session/prune-sessions.ts'
import { findExpired } from '../../src/sign-out/expire-sessions.ts'
import { readOpenSignOut } from '../../src/sign-out/spread-sign-out.ts'
import type { Store } from '../../src/store/store.ts'
import { forEachDatabase } from '../support/database.ts'

/** What is asked again and again: its cost must not grow with what is stored. */
const questions: Readonly<Record<string, (store: Store) => Promise<unknown>>> = {
  'sessions whose time is over': (store) => findExpired(store.read, 1),
  'tombstones to remove': (store) => pruneSessions(store, 1),
  'how a session ended': (store) => findEndOfSession(store.read, 's1'),
  'wide sign-outs that are not spread yet': (store) => readOpenSignOut({ store }),
  'leases that have run out': (store) => takeBackExpiredLeases(store, 1),
  'deliveries whose time is over': (store) => endAtHorizon(store, 1),
}

forEachDatabase('a question that is asked all the time', (database) => {
  for (const [name, ask] of Object.entries(questions)) {
    test(`finds its rows by an index, whatever its values are: ${name}`, async () => {
      await using store = await database.open()
      const queries = await queriesOf(store, ask)
      assert.ok(queries.length > 0)
      for (const query of queries) {
        const plan = await planOf(store, query)
        assert.doesNotMatch(plan, /\bscan (session|sign_out|delivery)$|seq scan/im, `${query.sql}\n${plan}`)
        assert.match(plan, /using (covering )?index|index (only )?scan/i, `${query.sql}\n${plan}`)
      }
    })
  }
})

async function queriesOf(
  store: Store,
  ask: (store: Store) => Promise<unknown>,
): Promise<readonly CompiledQuery[]> {
  const nodes: RootOperationNode[] = []
  const db = store.read.db.withPlugin({
    transformQuery({ node }) {
      nodes.push(node)
      return node
    },
    transformResult: async ({ result }) => result,
  })
  await ask({ ...store, read: { db, dialect: store.read.dialect } })
  const executor = store.read.db.getExecutor()
  return nodes.map((node) => executor.compileQuery(node, createQueryId()))
}

/** On PostgreSQL the plan that holds for any values, as a prepared statement gets it; tables are empty here. */
async function planOf({ dialect, read, transact }: Store, query: CompiledQuery): Promise<string> {
  const explained = async (db: Store['read']['db'], text: string, parameters: readonly unknown[]) =>
    (await db.executeQuery(CompiledQuery.raw(text, [...parameters]))).rows
      .map((row) => Object.values(row as object).join(' '))
      .join('\n')
  if (dialect === 'sqlite') return explained(read.db, `explain query plan ${query.sql}`, query.parameters)
  return transact(async ({ db }) => {
    await sql`set local enable_seqscan = off`.execute(db)
    await sql`set local plan_cache_mode = force_generic_plan`.execute(db)
    await sql`prepare asked as ${sql.raw(query.sql)}`.execute(db)
    const values = query.parameters.map((value) => sql.lit(value))
    const text = sql`explain execute asked (${sql.join(values)})`.compile(db).sql
    const plan = await explained(db, text, [])
    await sql`deallocate asked`.execute(db)
    return plan
  })
}
