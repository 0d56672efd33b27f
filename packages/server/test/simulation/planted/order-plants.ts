/** Bugs of order: what is done before or after what it belongs to. */
import type { CompiledQuery } from 'kysely'
import { type RedeliverCommand, type RedeliverDeps, redeliver } from '../../../src/delivery/redeliver.ts'
import { signOut } from '../../../src/sign-out/sign-out.ts'
import type { SignOutResult } from '../../../src/sign-out/sign-out-command.ts'
import type { Store } from '../../../src/store/store.ts'
import { withStatements, withTransact } from './deferring-store.ts'
import type { Planted } from './planted.ts'

const nothing = { rows: [], numAffectedRows: 0n }

/** The deliveries are written by a transaction of their own, after the one that ended the session. */
function enqueueLater(store: Store): Store {
  return withTransact(store, async (work) => {
    const left: CompiledQuery[] = []
    const value = await store.transact((tx) => {
      left.length = 0
      return work(
        withStatements(tx, (query) => {
          if (!query.sql.startsWith('insert into "delivery"')) return undefined
          left.push(query)
          return nothing
        }),
      )
    })
    await store.transact(async (tx) => {
      for (const query of left) await tx.db.executeQuery(query)
    })
    return value
  })
}

function withoutAttempts(store: Store): Store {
  return withTransact(store, (work) =>
    store.transact((tx) =>
      work(
        withStatements(tx, (query) => (query.sql.startsWith('insert into "attempt"') ? nothing : undefined)),
      ),
    ),
  )
}

/** Lists the applications first and locks second: the "list, then end" shape. */
function listFirst(store: Store): Store {
  return withTransact(store, (work) =>
    store.transact(async (tx) => {
      const listed = await tx.db.selectFrom('client_session').selectAll().orderBy('client_id').execute()
      return work(
        withStatements(tx, ({ sql, parameters }) =>
          /from "client_session" where "session_uid" = \$1 and "ended_at" is null order by/.test(sql)
            ? { rows: listed.filter((row) => row.session_uid === parameters[0] && row.ended_at === null) }
            : undefined,
        ),
      )
    }),
  )
}

/** The caller is answered when everything is written and nothing is committed. */
function answerEarly(store: Store): Store {
  return withTransact(
    store,
    <T>(work: Parameters<typeof store.transact<T>>[0]) =>
      new Promise<T>((resolve, reject) => {
        store
          .transact(async (tx) => {
            const value = await work(tx)
            resolve(value)
            // the commit is a place to wait, so the answer is out first
            await new Promise((done) => setImmediate(done))
            return value
          })
          .catch(reject)
      }),
  )
}

async function otherId(
  deps: Parameters<typeof signOut>[0],
  command: Parameters<typeof signOut>[1],
  alongside: Parameters<typeof signOut>[2],
): Promise<SignOutResult> {
  const result = await signOut(deps, command, alongside)
  if (!result.ok || result.isFirst) return result
  const newest = await deps.store.read.db
    .selectFrom('sign_out')
    .select('id')
    .where('id', '!=', result.signOutId)
    .orderBy('id')
    .limit(1)
    .executeTakeFirst()
  return { ...result, signOutId: newest?.id ?? 'so_that_was_rolled_back' }
}

/** The old row is used again instead of a new generation. */
async function replayInPlace(deps: RedeliverDeps, command: RedeliverCommand, at: number) {
  const { scope } = command
  if (scope.kind !== 'deliveries') return redeliver(deps, command, at)
  await deps.store.transact(async (tx) => {
    await tx.db
      .updateTable('delivery')
      .set({ state: 'pending', due_at: at, settled_at: null })
      .where('id', 'in', scope.ids)
      .where('settled_at', 'is not', null)
      .execute()
    tx.notify('delivery')
  })
  return { ok: true, deliveryIds: scope.ids, hasMore: false } as const
}

export const orderPlants: readonly Planted[] = [
  {
    name: 'enqueue-after-commit',
    breaks: ['I2'],
    store: (store, label) => (label === 'signOut' ? enqueueLater(store) : store),
  },
  {
    name: 'member-list-before-the-lock',
    breaks: ['I12', 'I2'],
    store: (store, label) => (label === 'signOut' ? listFirst(store) : store),
  },
  {
    name: 'answer-before-commit',
    breaks: ['I14'],
    store: (store, label) => (label === 'signOut' ? answerEarly(store) : store),
  },
  {
    name: 'no-attempt-row',
    breaks: ['I15'],
    store: (store, label) => (label === 'delivery' ? withoutAttempts(store) : store),
  },
  { name: 'coalescing-returns-the-wrong-id', breaks: ['I11', 'I14'], signOut: otherId },
  { name: 'replay-in-place', breaks: ['I5'], redeliver: replayInPlace },
  {
    name: 'view-hides-what-is-owed',
    breaks: ['I9'],
    view: (view) => ({ ...view, applications: view.applications.filter(({ isOwed }) => !isOwed) }),
  },
  {
    name: 'status-shown-before-commit',
    breaks: ['I9'],
    view: (view, world) => ({
      ...view,
      applications: view.applications.map((application) => ({
        ...application,
        deliveries: application.deliveries.map((delivery) =>
          world.network.acceptedAnswers.has(delivery.id) ? { ...delivery, state: 'accepted' } : delivery,
        ),
      })),
    }),
  },
]
