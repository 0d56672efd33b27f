/**
 * Kysely over `pg` with named prepared statements: PostgreSQL plans each distinct statement once per
 * connection, which is a large part of the cost of small queries. Statements are pipelined: one is sent at its
 * call, without waiting for the answers before it, and what one turn of the event loop sends leaves in one write.
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
import type { Pool, PoolClient } from 'pg'
import { kyselyOn, type ProvideConnection } from '../kysely-on.ts'
import type { Tables } from '../tables.ts'
import { isConnectionError, isDatabaseFault, isRetryable, unavailable } from './database-fault.ts'

/** Statements longer than this are bulk inserts of one length or another; naming them would fill the server's memory. */
const namedStatementCharactersMax = 4000

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

export function openConnections(pool: Pool): PostgresConnections {
  const names: StatementNames = new Map()
  const kept = new WeakMap<PoolClient, PostgresConnection>()
  const borrow = async (): Promise<PostgresConnection> => {
    const client = await pool.connect().catch((error: unknown) => {
      throw explained(error)
    })
    const connection = kept.get(client) ?? new PostgresConnection(client, names)
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

/** By the statement's text; the same on every connection. */
type StatementNames = Map<string, string>

export class PostgresConnection implements DatabaseConnection {
  /** Queries on this connection: sent at the call, answered in order. */
  readonly db: Kysely<Tables>
  readonly #client: PoolClient
  readonly #names: StatementNames
  readonly #keepFault = (error: Error): void => {
    this.#brokenBy ??= error
  }
  #brokenBy: Error | undefined
  #isCorked = false
  #isEnding = false

  constructor(client: PoolClient, names: StatementNames) {
    this.#client = client
    this.#names = names
    this.db = kyselyOn(dialect, (consumer) => consumer(this))
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
    this.#isEnding = false
    this.#client.release(this.#brokenBy)
    // a broken one may have more to say while it is being closed
    if (!this.isBroken) this.#client.off('error', this.#keepFault)
  }

  async executeQuery<R>(query: CompiledQuery): Promise<QueryResult<R>> {
    // it would run behind COMMIT, in no transaction at all
    if (this.#isEnding) throw new TypeError('a statement was sent after the transaction had ended')
    const name = this.#nameOf(query.sql)
    const { rows, rowCount } = await this.#send<R>({
      ...(name ? { name } : {}),
      text: query.sql,
      values: query.parameters as unknown[],
    })
    return { rows, numAffectedRows: BigInt(rowCount ?? 0) }
  }

  /** `begin`, `commit` and `rollback`. Returns the tag of what was done: an aborted transaction answers ROLLBACK to COMMIT. */
  async control(text: 'begin' | 'commit' | 'rollback'): Promise<string> {
    this.#isEnding = text !== 'begin'
    return (await this.#send({ text })).command
  }

  // biome-ignore lint/correctness/useYield: Kysely's interface asks for a generator; nothing here streams
  async *streamQuery<R>(): AsyncIterableIterator<QueryResult<R>> {
    throw new TypeError('queries are not streamed: read pages of a bounded size')
  }

  async #send<R>(statement: {
    text: string
    name?: string
    values?: unknown[]
  }): Promise<{ rows: R[]; rowCount: number | null; command: string }> {
    try {
      this.#cork()
      return await this.#client.query<never>(statement)
    } catch (error) {
      // such a connection must not go back to the pool
      if (isConnectionError(error)) this.#brokenBy = error
      throw explained(error)
    }
  }

  /** A write to the socket costs more than a statement's bytes: those of this turn go together. */
  #cork(): void {
    if (this.#isCorked) return
    this.#isCorked = true
    const { stream } = this.#client.connection
    stream.cork()
    process.nextTick(() => {
      this.#isCorked = false
      stream.uncork()
    })
  }

  #nameOf(text: string): string | undefined {
    if (text.length > namedStatementCharactersMax) return undefined
    const known = this.#names.get(text)
    if (known) return known
    const name = `q${this.#names.size}`
    this.#names.set(text, name)
    return name
  }
}

/** A query outside a transaction fails with the same word as one inside; what can be tried again stays as it is. */
function explained(error: unknown): unknown {
  return isDatabaseFault(error) && !isRetryable(error) ? unavailable(error) : error
}
