/**
 * Kysely's query builder on one connection, without Kysely's driver. A statement is handed to the connection
 * at the call and not some turns of the event loop later: calls keep their order without being awaited one by
 * one (which PostgreSQL's pipeline needs), and the embedded database is asked at once.
 */
import {
  type DatabaseConnection,
  DefaultQueryExecutor,
  type Dialect,
  DummyDriver,
  Kysely,
  type QueryExecutor,
} from 'kysely'
import type { Tables } from './tables.ts'

/** How a query gets its connection: at once inside a transaction, from the pool outside. */
export type ProvideConnection = <T>(consumer: (connection: DatabaseConnection) => Promise<T>) => Promise<T>

/** Transactions are the store's (`transact`): Kysely's own begin nothing here. */
export function kyselyOn(dialect: Dialect, provideConnection: ProvideConnection): Kysely<Tables> {
  const { compiler, adapter } = partsOf(dialect)
  const executor: QueryExecutor = new DefaultQueryExecutor(compiler, adapter, { provideConnection })
  return new Kysely<Tables>({ config: { dialect }, dialect, driver, executor })
}

const driver = new DummyDriver()

interface DialectParts {
  readonly compiler: ReturnType<Dialect['createQueryCompiler']>
  readonly adapter: ReturnType<Dialect['createAdapter']>
}

/** They keep nothing of a query, and each transaction has a builder of its own. */
const partsByDialect = new WeakMap<Dialect, DialectParts>()

function partsOf(dialect: Dialect): DialectParts {
  const known = partsByDialect.get(dialect)
  if (known) return known
  const made = { compiler: dialect.createQueryCompiler(), adapter: dialect.createAdapter() }
  partsByDialect.set(dialect, made)
  return made
}

export interface TransactionQueries {
  readonly db: Kysely<Tables>
  /** From here on every statement is refused. */
  end(): void
}

/**
 * The query builder of one transaction. A statement that comes when the transaction is over would run in the next
 * one on this connection, or in none: it is refused instead.
 */
export function queriesOfTransaction(dialect: Dialect, connection: DatabaseConnection): TransactionQueries {
  let isOver = false
  const db = kyselyOn(dialect, async (consumer) => {
    if (isOver) throw new TypeError('a statement was sent after the transaction had ended')
    return consumer(connection)
  })
  return {
    db,
    end() {
      isOver = true
    },
  }
}
