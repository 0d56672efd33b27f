/**
 * Kysely over `pg` with named prepared statements: PostgreSQL plans each distinct statement once per
 * connection, which is a large part of the cost of small queries. A statement is sent at its call, without
 * waiting for the answers before it, and what is sent together leaves in one batch (postgres-batch.ts).
 * PostgreSQL runs them in order, so a transaction waits for the network only where it needs an answer.
 */
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
import pg, { type Pool, type PoolClient } from 'pg'
import type { Clock, Instant } from '../../ambient/clock.ts'
import {
  kyselyOn,
  type ProvideConnection,
  queriesOfTransaction,
  type TransactionQueries,
} from '../kysely-on.ts'
import type { Tables } from '../tables.ts'
import {
  isConnectionError,
  isConsequence,
  isDatabaseFault,
  isRetryable,
  isStaleStatement,
  unavailable,
} from './database-fault.ts'
import {
  type BatchEnd,
  type ParsedStatements,
  type Statement,
  StatementBatch,
  type StatementResult,
  toText,
} from './postgres-batch.ts'
import { StatementNames } from './statement-names.ts'

/** A batch is answered as a whole: more than this would make the first wait for the last. */
const batchCountMax = 100
/**
 * A plan that was made when a table was all but empty is wrong when it has filled, and PostgreSQL keeps it until the
 * table is analyzed next, which takes a minute or more (decision 0017). Planning everything anew costs a connection
 * some milliseconds.
 */
const planAgeMsMax = 10_000

const dialect: Dialect = {
  createAdapter: () => new PostgresAdapter(),
  createDriver: () => new DummyDriver(),
  createIntrospector: (db) => new PostgresIntrospector(db),
  createQueryCompiler: () => new PostgresQueryCompiler(),
}

export interface PostgresConnections extends Disposable {
  /** Queries outside a transaction: each takes a connection of the pool for itself. */
  readonly db: Kysely<Tables>
  /**
   * Reads by key, outside a transaction: all requests share one connection, so those of one turn of the event
   * loop leave in one write and are answered in one. A slow query has no place here.
   */
  readonly quick: Kysely<Tables>
  /** Lends one connection to a transaction. @throws CURFEW_STORE_UNAVAILABLE when there is none within 5 s */
  borrow(): Promise<PostgresConnection>
}

export function openConnections(pool: Pool, clock: Clock): PostgresConnections {
  const names = new StatementNames()
  const kept = new WeakMap<PoolClient, PostgresConnection>()
  const borrow = async (): Promise<PostgresConnection> => {
    const client = await pool.connect().catch((error: unknown) => {
      throw explained(error)
    })
    const connection = kept.get(client) ?? new PostgresConnection(client, names, clock)
    kept.set(client, connection)
    connection.take()
    return connection
  }
  const provide: ProvideConnection = async (consumer) => {
    const connection = await borrow()
    try {
      return await consumer(connection)
    } finally {
      connection.release()
    }
  }
  const shared = shareConnection(borrow)
  return {
    db: kyselyOn(dialect, provide),
    quick: kyselyOn(dialect, shared.provide),
    borrow,
    [Symbol.dispose]: () => shared[Symbol.dispose](),
  }
}

/** Keeps one borrowed connection for as long as it is sound. */
function shareConnection(
  borrow: () => Promise<PostgresConnection>,
): Disposable & { readonly provide: ProvideConnection } {
  let held: PostgresConnection | undefined
  let borrowing: Promise<PostgresConnection> | undefined
  const take = async (): Promise<PostgresConnection> => {
    if (held?.isBroken === false) return held
    held?.release()
    held = undefined
    borrowing ??= borrow().finally(() => {
      borrowing = undefined
    })
    held = await borrowing
    return held
  }
  return {
    provide: async (consumer) => await consumer(await take()),
    [Symbol.dispose]: () => held?.release(),
  }
}

/**
 * One batch is on its way at a time; what is sent meanwhile makes the next one. So requests that share a
 * connection are batched by themselves, the more the busier it is.
 */
export class PostgresConnection implements DatabaseConnection {
  readonly #client: PoolClient
  readonly #names: StatementNames
  readonly #clock: Clock
  readonly #parsed: ParsedStatements = new Map()
  readonly #keepFault = (error: Error): void => {
    this.#brokenBy ??= error
  }
  #brokenBy: Error | undefined
  #waiting: Statement[] = []
  #onItsWay: StatementBatch | undefined
  #isFlushing = false
  #isInTransaction = false
  #plansSince: Instant

  constructor(client: PoolClient, names: StatementNames, clock: Clock) {
    this.#client = client
    this.#names = names
    this.#clock = clock
    this.#plansSince = clock.now()
    client.connection.on('parseComplete', () => this.#onItsWay?.handleParseComplete())
  }

  /** Queries of one transaction on this connection: sent at the call, answered in order. */
  queries(): TransactionQueries {
    return queriesOfTransaction(dialect, this)
  }

  take(): void {
    // the pool listens to idle connections only: one that breaks between two statements would end the process
    this.#client.on('error', this.#keepFault)
  }

  /** It must not be used again. */
  get isBroken(): boolean {
    return this.#brokenBy !== undefined
  }

  release(): void {
    this.#client.release(this.#brokenBy)
    // a broken one may have more to say while it is being closed
    if (!this.isBroken) this.#client.off('error', this.#keepFault)
  }

  async executeQuery<R>(query: CompiledQuery): Promise<QueryResult<R>> {
    // a value that cannot be bound is refused here, alone, before a batch is half written
    const { rows, tag } = await this.#send(query.sql, query.parameters.map(toText))
    return { rows, numAffectedRows: countOf(tag) }
  }

  /** `begin`, `commit` and `rollback`. Returns the tag of what was done: an aborted transaction answers ROLLBACK to COMMIT. */
  async control(text: 'begin' | 'commit' | 'rollback'): Promise<string> {
    this.#isInTransaction = true
    try {
      const { tag } = await this.#send(text, [])
      if (text !== 'begin') this.#isInTransaction = false
      return tag
    } catch (error) {
      // nobody knows what it has open now
      if (text === 'rollback') this.#brokenBy ??= error as Error
      throw error
    }
  }

  // biome-ignore lint/correctness/useYield: Kysely's interface asks for a generator; nothing here streams
  async *streamQuery<R>(): AsyncIterableIterator<QueryResult<R>> {
    throw new TypeError('queries are not streamed: read pages of a bounded size')
  }

  #send(text: string, values: readonly (string | null)[]): Promise<StatementResult> {
    return new Promise((resolve, reject) => {
      // behind an answer that never came nothing is answered: waiting for it once is enough (F-19)
      if (this.#brokenBy) reject(explained(this.#brokenBy))
      else this.#enqueue({ text, values, resolve, reject })
    })
  }

  #enqueue(...statements: readonly Statement[]): void {
    this.#waiting.push(...statements)
    if (this.#onItsWay || this.#isFlushing) return
    this.#isFlushing = true
    // those of this turn go together
    process.nextTick(() => {
      this.#isFlushing = false
      this.#flush()
    })
  }

  #flush(): void {
    const statements = this.#waiting.splice(0, batchCountMax)
    const [first] = statements
    if (!first) return
    // not within a transaction: one that has failed would refuse it, and with it the rollback behind it
    if (!this.#isInTransaction || first.text === 'begin') statements.unshift(...this.#discardOldPlans())
    const known = { names: this.#names, parsed: this.#parsed }
    const batch = new StatementBatch(statements, known, parserFor, (end) => this.#settle(batch, end))
    this.#onItsWay = batch
    this.#client.query(batch)
  }

  #discardOldPlans(): readonly Statement[] {
    const at = this.#clock.now()
    if (Math.abs(at - this.#plansSince) < planAgeMsMax) return []
    this.#plansSince = at
    // nobody waits for it, and what is wrong with the connection those behind it are told
    return [{ text: 'discard plans', values: [], resolve: () => undefined, reject: () => undefined }]
  }

  #settle({ statements }: StatementBatch, end: BatchEnd): void {
    this.#onItsWay = undefined
    for (const [index, result] of end.answered.entries()) statements[index]?.resolve(result)
    if (!end.ok) this.#refuse(statements.slice(end.answered.length), end)
    this.#flush()
  }

  /** PostgreSQL refused the first of these and did not run the others. */
  #refuse(statements: readonly Statement[], { error, name }: Extract<BatchEnd, { ok: false }>): void {
    const cause = explained(error)
    const rejectAll = (refused: readonly Statement[]): void => {
      for (const statement of refused) statement.reject(cause)
    }
    if (isConnectionError(error)) {
      // such a connection must not go back to the pool
      this.#brokenBy ??= error
      rejectAll([...statements, ...this.#waiting.splice(0)])
      return
    }
    const isStale = name !== undefined && isStaleStatement(error)
    if (isStale) this.#names.renew(name)
    if (this.#isInTransaction) {
      rejectAll(statements)
      return
    }
    // outside a transaction they are reads of different requests, which do not answer for each other
    const [refused, ...behind] = statements
    if (!refused) return
    if (!isStale) refused.reject(cause)
    this.#enqueue(...(isStale ? [refused] : []), ...behind)
  }
}

/** The number of rows at the end of a tag such as `INSERT 0 5`. */
function countOf(tag: string): bigint {
  return BigInt(/\d+$/.exec(tag)?.[0] ?? 0)
}

/** int8 columns hold milliseconds and counts, far below 2^53. */
function parserFor(dataTypeId: number): (text: string) => unknown {
  return dataTypeId === pg.types.builtins.INT8 ? Number : pg.types.getTypeParser(dataTypeId, 'text')
}

/**
 * A query outside a transaction fails with the same word as one inside; what can be tried again, and what another
 * statement is the cause of, stays as it is.
 */
function explained(error: unknown): unknown {
  return isDatabaseFault(error) && !isRetryable(error) && !isConsequence(error) ? unavailable(error) : error
}
