/**
 * Kysely over `pg` with named prepared statements: PostgreSQL plans each distinct statement once per
 * connection, which is a large part of the cost of small queries.
 */
import {
  CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  type QueryResult,
} from 'kysely'
import type { Pool, PoolClient } from 'pg'
import { isConnectionError, isDatabaseFault, isRetryable, unavailable } from './database-fault.ts'

/** Statements longer than this are bulk inserts of one length or another; naming them would fill the server's memory. */
const namedStatementCharactersMax = 4000

export function postgresDialect(pool: Pool): Dialect {
  return {
    createAdapter: () => new PostgresAdapter(),
    createDriver: () => new PostgresDriver(pool),
    createIntrospector: (db) => new PostgresIntrospector(db),
    createQueryCompiler: () => new PostgresQueryCompiler(),
  }
}

class PostgresDriver implements Driver {
  readonly #pool: Pool
  readonly #names = new Map<string, string>()

  constructor(pool: Pool) {
    this.#pool = pool
  }

  async init(): Promise<void> {}

  async acquireConnection(): Promise<PostgresConnection> {
    try {
      return new PostgresConnection(await this.#pool.connect(), this.#names)
    } catch (error) {
      throw explained(error)
    }
  }

  async releaseConnection(connection: PostgresConnection): Promise<void> {
    connection.release()
  }

  async beginTransaction(connection: DatabaseConnection): Promise<void> {
    await connection.executeQuery(CompiledQuery.raw('begin'))
  }

  async commitTransaction(connection: DatabaseConnection): Promise<void> {
    await connection.executeQuery(CompiledQuery.raw('commit'))
  }

  async rollbackTransaction(connection: DatabaseConnection): Promise<void> {
    await connection.executeQuery(CompiledQuery.raw('rollback'))
  }

  async destroy(): Promise<void> {}
}

class PostgresConnection implements DatabaseConnection {
  readonly #client: PoolClient
  readonly #names: Map<string, string>
  readonly #keepFault = (error: Error): void => {
    this.#brokenBy ??= error
  }
  #brokenBy: Error | undefined

  constructor(client: PoolClient, names: Map<string, string>) {
    this.#client = client
    this.#names = names
    // the pool listens to idle connections only: one that breaks between two statements would end the process
    client.on('error', this.#keepFault)
  }

  async executeQuery<R>(query: CompiledQuery): Promise<QueryResult<R>> {
    try {
      const name = this.#nameOf(query.sql)
      const result = await this.#client.query<never>({
        ...(name ? { name } : {}),
        text: query.sql,
        values: [...query.parameters],
      })
      return { rows: result.rows as R[], numAffectedRows: BigInt(result.rowCount ?? 0) }
    } catch (error) {
      // such a connection must not go back to the pool
      if (isConnectionError(error)) this.#brokenBy = error
      throw explained(error)
    }
  }

  // biome-ignore lint/correctness/useYield: Kysely's interface asks for a generator; nothing here streams
  async *streamQuery<R>(): AsyncIterableIterator<QueryResult<R>> {
    throw new TypeError('queries are not streamed: read pages of a bounded size')
  }

  release(): void {
    this.#client.release(this.#brokenBy)
    this.#client.off('error', this.#keepFault)
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
