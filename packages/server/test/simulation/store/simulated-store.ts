/** The product's `Store` on the engine, for one simulated process: retries, effects and wake-ups as the real one. */
import {
  type CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  DummyDriver,
  type Kysely,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  type QueryResult,
} from 'kysely'
import { type Log, silentLog } from '../../../src/ambient/log.ts'
import { CurfewError, isCurfewError } from '../../../src/errors.ts'
import { kyselyOn } from '../../../src/store/kysely-on.ts'
import type { Store, Tx, WakeChannel } from '../../../src/store/store.ts'
import type { Tables } from '../../../src/store/tables.ts'
import { TransactionEffects } from '../../../src/store/transaction-effects.ts'
import { databaseError } from './database-error.ts'
import type { Engine, EngineTransaction, Turns } from './engine.ts'

/** Where a transaction can be hit: the connection's own edges, below the product's gates. */
export type StoreEdge = 'commit.before' | 'commit.after'

export interface SimulatedStoreDeps {
  readonly engine: Engine
  readonly turns: Turns
  readonly slots: Slots
  /** Hears NOTIFY after a commit. */
  notify(channel: WakeChannel, payload: string): void
  onWake: Store['onWake']
  /** Called at each edge; may throw the fault of a lost connection, or never return to a process that died. */
  atEdge?(edge: StoreEdge, transaction: EngineTransaction): void
  /** Every statement, before it runs: bugs are planted here. */
  rewrite?(query: CompiledQuery, transaction: EngineTransaction | undefined): CompiledQuery
  readonly log?: Log
}

const tryCountMax = 3

export function createSimulatedStore(deps: SimulatedStoreDeps): Store {
  const reader = deps.slots.lend()
  reader.bind(deps, undefined)
  return {
    dialect: 'postgres',
    clock: { now: () => deps.turns.now() },
    read: { db: reader.db, dialect: 'postgres' },
    transact: (work) => transact(deps, work),
    onWake: deps.onWake,
    check: () => Promise.resolve(),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  }
}

async function transact<T>(deps: SimulatedStoreDeps, work: (tx: Tx) => Promise<T>): Promise<T> {
  for (let tryNumber = 1; ; tryNumber++) {
    const effects = new TransactionEffects()
    try {
      const value = await transactOnce(deps, effects, work)
      effects.runAfterCommit(deps.log ?? silentLog)
      return value
    } catch (error) {
      if (isRetryable(error) && tryNumber < tryCountMax) continue
      throw isDatabaseFault(error) ? unavailable(error) : error
    }
  }
}

async function transactOnce<T>(
  deps: SimulatedStoreDeps,
  effects: TransactionEffects,
  work: (tx: Tx) => Promise<T>,
): Promise<T> {
  const { engine, turns } = deps
  const transaction = engine.begin(turns)
  const slot = deps.slots.lend()
  slot.bind(deps, transaction)
  try {
    const value = await work({
      db: slot.db,
      dialect: 'postgres',
      withCommit: (statement) => effects.withCommit(statement),
      afterCommit: (run) => effects.afterCommit(run),
      notify: (channel, payload) => effects.notify(channel, payload),
    })
    await effects.settleStatements()
    await turn(turns)
    deps.atEdge?.('commit.before', transaction)
    engine.commit(transaction)
    for (const { channel, payload } of effects.notices) deps.notify(channel, payload)
    deps.atEdge?.('commit.after', transaction)
    await turn(turns)
    return value
  } catch (error) {
    engine.abort(transaction)
    throw error
  } finally {
    deps.slots.giveBack(slot)
  }
}

function turn(turns: Turns): Promise<void> {
  return new Promise((resolve) => turns.soon(resolve))
}

/** A Kysely whose connection is lent to one transaction after the other: making one costs more than a query. */
class Slot {
  readonly db: Kysely<Tables>
  #execute: (query: CompiledQuery) => Promise<QueryResult<unknown>> = () => Promise.resolve({ rows: [] })

  constructor() {
    const connection: DatabaseConnection = {
      executeQuery: <R>(query: CompiledQuery) => this.#execute(query) as Promise<QueryResult<R>>,
      // biome-ignore lint/correctness/useYield: Kysely's interface asks for a generator; nothing here streams
      async *streamQuery() {
        throw new TypeError('queries are not streamed')
      },
    }
    this.db = kyselyOn(dialect, (consumer) => consumer(connection))
  }

  bind({ engine, turns, rewrite }: SimulatedStoreDeps, transaction: EngineTransaction | undefined): void {
    // as on a pipelined connection: a statement runs when those sent before it have been answered
    let before: Promise<unknown> | undefined
    this.#execute = (query) => {
      const run = () => engine.execute(transaction, turns, rewrite ? rewrite(query, transaction) : query)
      const answer = before ? before.then(run, run) : run()
      before = answer
      const done = (): void => {
        if (before === answer) before = undefined
      }
      answer.then(done, done)
      return answer
    }
  }
}

/** What is lent; processes that die keep theirs until the run is over. */
export class Slots {
  readonly #all: Slot[] = []
  #lent = 0
  readonly #returned: Slot[] = []

  fill(count: number): void {
    while (this.#all.length < count) this.#all.push(new Slot())
  }

  lend(): Slot {
    const slot = this.#returned.pop() ?? this.#all[this.#lent++]
    if (!slot) throw new Error('there are more open transactions than slots')
    return slot
  }

  giveBack(slot: Slot): void {
    this.#returned.push(slot)
  }

  /** Everything is here again. */
  reset(): void {
    this.#lent = 0
    this.#returned.length = 0
  }
}

const dialect: Dialect = {
  createAdapter: () => new PostgresAdapter(),
  createDriver: () => new DummyDriver(),
  createIntrospector: (db) => new PostgresIntrospector(db),
  createQueryCompiler: () => new PostgresQueryCompiler(),
}

/** As in postgres-store.ts: 40001 and 40P01 ask for another run. */
function isRetryable(error: unknown): boolean {
  const code = codeOf(error)
  return code === '40001' || code === '40P01'
}

function isDatabaseFault(error: unknown): boolean {
  return !isCurfewError(error) && /^(08|25|53|55|57|58|XX|40)/.test(codeOf(error) ?? '')
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error ? String(error.code) : undefined
}

function unavailable(cause: unknown): CurfewError {
  const text = cause instanceof Error ? cause.message : String(cause)
  return new CurfewError('CURFEW_STORE_UNAVAILABLE', `The database is not available: ${text}.`, { cause })
}

/** The connection broke: before the commit nothing happened, after it nobody knows. */
export function connectionLost(): Error {
  return databaseError('08006', 'connection failure')
}
