/**
 * Kysely over `node:sqlite`, one connection, with its prepared statements kept. There is no mutex here: the
 * reader's queries are synchronous and complete by themselves, and the writer's are ordered by group-commit.ts.
 */
import type { DatabaseSync, StatementSync } from 'node:sqlite'
import {
  type CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  DummyDriver,
  type Kysely,
  type QueryResult,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from 'kysely'
import { kyselyOn, queriesOfTransaction, type TransactionQueries } from '../kysely-on.ts'
import type { Tables } from '../tables.ts'
import { isSqliteFault, unavailable } from './sqlite-fault.ts'

/** Bulk inserts of many lengths would otherwise fill the memory with statements. */
const statementCountMax = 500

export function openSqliteQueries(database: DatabaseSync): Kysely<Tables> {
  const connection = new ReadingConnection(database)
  return kyselyOn(dialect, (consumer) => consumer(connection))
}

/** One query builder for each transaction, all of them on this connection. */
export function openSqliteTransactions(database: DatabaseSync): () => TransactionQueries {
  const connection = new SqliteConnection(database)
  return () => queriesOfTransaction(dialect, connection)
}

const dialect: Dialect = {
  createAdapter: () => new SqliteAdapter(),
  createDriver: () => new DummyDriver(),
  createIntrospector: (db) => new SqliteIntrospector(db),
  createQueryCompiler: () => new SqliteQueryCompiler(),
}

/** Asking a statement for its columns costs more than running a small one, so it is asked once. */
interface Prepared {
  readonly statement: StatementSync
  readonly hasRows: boolean
}

type SqlValue = string | number | bigint | null | Uint8Array

export class SqliteConnection implements DatabaseConnection {
  readonly #database: DatabaseSync
  readonly #statements = new Map<string, Prepared>()

  constructor(database: DatabaseSync) {
    this.#database = database
  }

  async executeQuery<R>(query: CompiledQuery): Promise<QueryResult<R>> {
    const { statement, hasRows } = this.#prepare(query.sql)
    const parameters = query.parameters as readonly SqlValue[]
    if (hasRows) return { rows: statement.all(...parameters) as R[] }
    const { changes, lastInsertRowid } = statement.run(...parameters)
    return { rows: [], numAffectedRows: BigInt(changes), insertId: BigInt(lastInsertRowid) }
  }

  /** One statement for many rows of parameters; returns how many rows each run changed (bulk-rows.ts). */
  runEach(text: string, parameterRows: readonly (readonly SqlValue[])[]): readonly number[] {
    const { statement } = this.#prepare(text)
    return parameterRows.map((parameters) => Number(statement.run(...parameters).changes))
  }

  async *streamQuery<R>(query: CompiledQuery): AsyncIterableIterator<QueryResult<R>> {
    const { statement } = this.#prepare(query.sql)
    for (const row of statement.iterate(...(query.parameters as readonly SqlValue[]))) {
      yield { rows: [row as R] }
    }
  }

  #prepare(text: string): Prepared {
    const known = this.#statements.get(text)
    if (known) return known
    const statement = this.#database.prepare(text)
    const prepared = { statement, hasRows: statement.columns().length > 0 }
    if (this.#statements.size >= statementCountMax)
      this.#statements.delete(this.#statements.keys().next().value as string)
    this.#statements.set(text, prepared)
    return prepared
  }
}

/** A query outside a transaction fails with the same word as one inside. */
class ReadingConnection extends SqliteConnection {
  override async executeQuery<R>(query: CompiledQuery): Promise<QueryResult<R>> {
    try {
      return await super.executeQuery<R>(query)
    } catch (error) {
      throw isSqliteFault(error) ? unavailable(error) : error
    }
  }
}
