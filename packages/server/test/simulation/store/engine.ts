/**
 * A database in memory that behaves as PostgreSQL at READ COMMITTED: many transactions open at once, each
 * statement sees what is committed and its own writes, rows are locked, a conflicting one waits.
 *
 * It is SQLite with one connection. Only one transaction's uncommitted rows are in it at a time ("hosted"): before
 * a statement of another one it is rolled back, and its rows are put back from their images when its turn comes.
 * Locks live beside it, so a statement that meets one is undone and runs again when the holder is gone; then, as
 * in PostgreSQL, it acts on those rows alone that it saw the first time.
 *
 * `test/store/contract*.test.ts` hold this engine, SQLite and PostgreSQL together.
 */
import { DatabaseSync, type StatementSync } from 'node:sqlite'
import type { CompiledQuery, QueryResult } from 'kysely'
import type { ColumnValue, Row } from '../../../src/store/bulk-rows.ts'
import { migrate, migrations } from '../../../src/store/migration/migrate.ts'
import { openSqliteQueries } from '../../../src/store/sqlite/sqlite-driver.ts'
import { databaseError, isCoded, knownError } from './database-error.ts'
import { Hosting, type RowImage } from './hosting.ts'
import { closesCircle, type LockHolder, type RowLockMode, RowLocks } from './row-locks.ts'
import { keyColumnsOf, keyOf, readSchema, type TableSchema } from './schema.ts'
import { type KeyColumns, lockColumn, type Translated, translate } from './translate.ts'

/** How the engine waits: the scheduler's items in a simulation, the event loop in the contract tests. */
export interface Turns {
  now(): number
  soon(run: () => void): void
  after(delayMs: number, run: () => void): () => void
}

/** One changed row of a commit. */
export interface RowChange extends RowImage {
  readonly before: Row | undefined
}

export interface EngineTransaction extends LockHolder {
  readonly turns: Turns
  readonly images: Map<string, RowImage>
  state: 'open' | 'committed' | 'aborted'
  /** What its next statement is told. */
  abortedBy: Error | undefined
  waitingFor: ReadonlySet<LockHolder> | undefined
}

export const lockTimeoutMs = 8000

type Outcome = { readonly rows: Row[]; readonly count: number | undefined }
type Blocked = { readonly blockers: readonly EngineTransaction[]; readonly seen: ReadonlySet<string> }

interface Prepared extends Translated {
  readonly statement: StatementSync | undefined
}

interface Run {
  readonly transaction: EngineTransaction | undefined
  readonly prepared: Prepared
  readonly parameters: readonly unknown[]
  /** Keys of the rows that the first look saw, once it had to wait. */
  seen: ReadonlySet<string> | undefined
}

const implicitMode = { insert: 'update', update: 'no key update', delete: 'update' } as const

export class Engine {
  readonly database = new DatabaseSync(':memory:')
  /** What is committed, by table and key: the checks read this. */
  readonly committed = new Map<string, Map<string, Row>>()
  onCommit: (changes: readonly RowChange[], transaction: EngineTransaction) => void = () => undefined
  /** A statement that this database does not understand, and PostgreSQL perhaps would. */
  onForeign: (error: Error) => void = () => undefined
  #schema: ReadonlyMap<string, TableSchema> = new Map()
  #keys: KeyColumns = new Map()
  #prepared = new Map<string, Prepared>()
  #locks = new RowLocks<EngineTransaction>()
  #waiting = new Set<() => void>()
  readonly #hosting = new Hosting(this.database, this.committed)
  #nextId = 1
  #open = new Set<EngineTransaction>()
  /** Tables that hold anything since they were cleared. */
  readonly #dirty = new Set<string>()
  /** For `sim_locked`: whose statement runs, and the lock that it asks for. */
  #asking: { transaction: EngineTransaction | undefined; mode: RowLockMode } = {
    transaction: undefined,
    mode: 'update',
  }

  constructor() {
    this.database.exec('pragma foreign_keys = on; pragma journal_mode = memory; pragma synchronous = off')
    this.database.function('sim_locked', (table: unknown, key: unknown) =>
      this.#locks.blockers(this.#asking.transaction, `${table}/${key}`, this.#asking.mode).length > 0 ? 1 : 0,
    )
    this.database.function('num_nonnulls', (value: unknown) => (value === null ? 0 : 1))
  }

  /** Makes the product's tables. */
  async migrate(): Promise<void> {
    const db = openSqliteQueries(this.database)
    await migrate({ db, dialect: 'sqlite' }, migrations, 0)
    this.#schema = readSchema(this.database)
    this.#keys = keyColumnsOf(this.#schema)
    for (const name of this.#schema.keys()) this.committed.set(name, new Map())
    this.#hosting.learn(this.#schema)
  }

  /** Removes every row and every transaction. */
  clear(): void {
    this.#hosting.unhost()
    for (const transaction of this.#open) transaction.state = 'aborted'
    this.#open.clear()
    this.#waiting.clear()
    this.#answers.clear()
    this.#locks = new RowLocks()
    for (const [name, rows] of this.committed) {
      if (rows.size === 0 || name === 'schema_migration') continue
      rows.clear()
      this.#dirty.add(name)
    }
    this.database.exec('pragma foreign_keys = off')
    for (const name of this.#dirty) this.#hosting.statement(`delete from "${name}"`).run()
    this.#dirty.clear()
    this.database.exec('pragma foreign_keys = on')
  }

  /** Puts committed rows there at once, outside any transaction. */
  put(table: string, rows: readonly Row[]): void {
    this.#hosting.unhost()
    const schema = this.#hosting.tableOf(table)
    this.#answers.clear()
    for (const row of rows) {
      this.#hosting.write({ table, key: keyOf(schema, row), row })
      this.committed.get(table)?.set(keyOf(schema, row), row)
    }
  }

  begin(turns: Turns): EngineTransaction {
    const transaction: EngineTransaction = {
      id: this.#nextId++,
      turns,
      images: new Map(),
      state: 'open',
      abortedBy: undefined,
      waitingFor: undefined,
    }
    this.#open.add(transaction)
    return transaction
  }

  execute<R>(
    transaction: EngineTransaction | undefined,
    turns: Turns,
    query: CompiledQuery,
  ): Promise<QueryResult<R>> {
    const prepared = this.#prepare(query.sql)
    const run: Run = { transaction, prepared, parameters: query.parameters, seen: undefined }
    return new Promise((resolve, reject) => {
      turns.soon(() => this.#attempt(run, resolve as (result: QueryResult<unknown>) => void, reject))
    })
  }

  /** Makes the transaction's rows the committed ones. @throws what aborted it */
  commit(transaction: EngineTransaction): void {
    if (transaction.state !== 'open') throw transaction.abortedBy ?? databaseError('25P01', 'no transaction')
    if (transaction.abortedBy) {
      this.abort(transaction)
      throw transaction.abortedBy
    }
    let changes: readonly RowChange[] = []
    if (transaction.images.size > 0) {
      this.#hosting.commit(transaction)
      this.#answers.clear()
      changes = [...transaction.images.values()].map((image) => this.#keep(image))
    }
    transaction.state = 'committed'
    this.#end(transaction)
    if (changes.length > 0) this.onCommit(changes, transaction)
  }

  /** Rolls back; a statement that comes later is told `error`. */
  abort(transaction: EngineTransaction, error?: Error): void {
    if (transaction.state !== 'open') return
    if (this.#hosting.hosted === transaction) this.#hosting.unhost()
    transaction.state = 'aborted'
    transaction.abortedBy ??= error
    this.#end(transaction)
  }

  /** Rolls back everything that came over this connection. */
  abortAll(turns: Turns, error: Error): void {
    for (const transaction of [...this.#open]) if (transaction.turns === turns) this.abort(transaction, error)
  }

  #keep({ table, key, row }: RowImage): RowChange {
    const rows = this.committed.get(table) as Map<string, Row>
    const before = rows.get(key)
    if (row) rows.set(key, row)
    else rows.delete(key)
    this.#dirty.add(table)
    return { table, key, row, before }
  }

  #end(transaction: EngineTransaction): void {
    this.#open.delete(transaction)
    transaction.waitingFor = undefined
    this.#locks.release(transaction)
    const waiting = [...this.#waiting]
    this.#waiting.clear()
    for (const retry of waiting) retry()
  }

  #attempt(
    run: Run,
    resolve: (result: QueryResult<unknown>) => void,
    reject: (error: unknown) => void,
  ): void {
    const { transaction, prepared } = run
    if (transaction) {
      transaction.waitingFor = undefined
      if (transaction.state !== 'open' || transaction.abortedBy) {
        reject(transaction.abortedBy ?? databaseError('25P02', 'the transaction was ended'))
        return
      }
    }
    try {
      const outcome = prepared.kind === 'advisory' ? this.#advisory(run) : this.#run(run)
      if ('blockers' in outcome) {
        this.#wait(run, outcome, resolve, reject)
        return
      }
      const { rows, count } = outcome
      const hidesRows = prepared.kind === 'write' && !prepared.hasReturning
      resolve({
        rows: hidesRows ? [] : rows,
        numAffectedRows: BigInt(count ?? rows.length),
      })
    } catch (error) {
      const known = knownError(error)
      if (!isCoded(known)) this.onForeign(known)
      // as in PostgreSQL, an error leaves nothing for the transaction but its rollback
      if (transaction) transaction.abortedBy = known
      reject(known)
    }
  }

  #wait(
    run: Run,
    { blockers, seen }: Blocked,
    resolve: (result: QueryResult<unknown>) => void,
    reject: (error: unknown) => void,
  ): void {
    const transaction = run.transaction as EngineTransaction
    run.seen ??= seen
    if (closesCircle(transaction, blockers)) throw databaseError('40P01', 'deadlock detected')
    transaction.waitingFor = new Set(blockers)
    let isOver = false
    const cancel = transaction.turns.after(lockTimeoutMs, () => {
      if (isOver) return
      isOver = true
      this.#waiting.delete(retry)
      transaction.waitingFor = undefined
      transaction.abortedBy ??= databaseError('55P03', 'canceling statement due to lock timeout')
      reject(transaction.abortedBy)
    })
    const retry = (): void => {
      if (isOver) return
      isOver = true
      cancel()
      transaction.turns.soon(() => this.#attempt(run, resolve, reject))
    }
    this.#waiting.add(retry)
  }

  #advisory({ transaction, parameters }: Run): Outcome {
    const key = `advisory/${String(parameters[0])}`
    const got = this.#locks.blockers(transaction, key, 'update').length === 0
    if (got && transaction) this.#locks.take(transaction, key, 'update')
    return { rows: [{ got: got as unknown as ColumnValue }], count: undefined }
  }

  #run(run: Run): Outcome | Blocked {
    const { transaction, prepared } = run
    const values = this.#valuesOf(run)
    const statement = prepared.statement as StatementSync
    if (!prepared.write) {
      if (!transaction) return { rows: this.#readCommitted(prepared, statement, values), count: undefined }
      if (transaction.images.size > 0) this.#hosting.host(transaction)
      else this.#hosting.unhost()
      this.#asking = { transaction, mode: prepared.lock?.mode ?? 'update' }
      const rows = statement.all(...values) as unknown as Row[]
      return prepared.lock
        ? this.#lockRows(transaction, prepared, rows, run.seen)
        : { rows, count: undefined }
    }
    if (!transaction) throw new TypeError(`write outside a transaction: ${prepared.text}`)
    this.#hosting.host(transaction)
    const rows = statement.all(...values) as unknown as Row[]
    return this.#keepWrites(transaction, run, rows)
  }

  /** Polls ask the same again and again; until the next commit the answer is the same. */
  #readCommitted(prepared: Prepared, statement: StatementSync, values: (string | number | null)[]): Row[] {
    const key = values.join('\0')
    const known = this.#answers.get(prepared)
    if (known?.key === key) return known.rows
    this.#hosting.unhost()
    const rows = statement.all(...values) as unknown as Row[]
    this.#answers.set(prepared, { key, rows })
    return rows
  }
  readonly #answers = new Map<Prepared, { readonly key: string; readonly rows: Row[] }>()

  #lockRows(
    transaction: EngineTransaction,
    prepared: Prepared,
    found: Row[],
    seen: ReadonlySet<string> | undefined,
  ): Outcome | Blocked {
    const { table, mode } = prepared.lock as NonNullable<Prepared['lock']>
    const rows = seen ? found.filter((row) => seen.has(`${table}/${row[lockColumn]}`)) : found
    for (const row of rows) {
      const key = `${table}/${row[lockColumn]}`
      const blockers = this.#locks.blockers(transaction, key, mode)
      if (blockers.length > 0) {
        return { blockers, seen: new Set(rows.map((one) => `${table}/${one[lockColumn]}`)) }
      }
      this.#locks.take(transaction, key, mode)
    }
    for (const row of rows as Record<string, ColumnValue>[]) delete row[lockColumn]
    return { rows, count: undefined }
  }

  #keepWrites(transaction: EngineTransaction, run: Run, returned: Row[]): Outcome | Blocked {
    const { verb, table } = run.prepared.write as NonNullable<Prepared['write']>
    const schema = this.#hosting.tableOf(table)
    const keys = returned.map((row) => `${table}/${keyOf(schema, row)}`)
    const locks = returned.flatMap((row) => this.#locksOf(verb, schema, row))
    const allowed = verb === 'insert' ? undefined : run.seen
    const isOneMore = allowed !== undefined && keys.some((key) => !allowed.has(key))
    const rows = isOneMore ? returned.filter((_, index) => allowed.has(keys[index] as string)) : returned
    const needed = isOneMore ? rows.flatMap((row) => this.#locksOf(verb, schema, row)) : locks
    for (const { key, mode } of needed) {
      const blockers = this.#locks.blockers(transaction, key, mode)
      if (blockers.length === 0) continue
      this.#hosting.unhost()
      return { blockers, seen: new Set(keys) }
    }
    if (isOneMore) {
      // rows that came after the first look are not this statement's: undo it, write the others alone
      this.#hosting.unhost()
      this.#hosting.host(transaction)
    }
    for (const { key, mode } of needed) this.#locks.take(transaction, key, mode)
    for (const row of rows) {
      const key = keyOf(schema, row)
      const image: RowImage = { table, key, row: verb === 'delete' ? undefined : row }
      if (isOneMore) this.#hosting.write(image)
      transaction.images.set(`${table}/${key}`, image)
    }
    return { rows, count: rows.length }
  }

  #locksOf(
    verb: 'insert' | 'update' | 'delete',
    table: TableSchema,
    row: Row,
  ): readonly { readonly key: string; readonly mode: RowLockMode }[] {
    const locks: { key: string; mode: RowLockMode }[] = [
      { key: `${table.name}/${keyOf(table, row)}`, mode: implicitMode[verb] },
    ]
    if (verb === 'delete') return locks
    for (const index of table.uniqueIndexes) {
      if (!index.holds(row)) continue
      const values = index.columns.map((column) => row[column])
      if (!values.includes(null)) locks.push({ key: `${index.name}/${values.join('/')}`, mode: 'update' })
    }
    if (verb === 'insert') {
      for (const { column, parent } of table.references) {
        if (row[column] !== null) locks.push({ key: `${parent}/${row[column]}`, mode: 'key share' })
      }
    }
    return locks
  }

  #valuesOf({ prepared, parameters, transaction }: Run): (string | number | null)[] {
    return prepared.parameters.map((parameter) => {
      if (parameter === 'clock') return transaction?.turns.now() ?? 0
      const value = parameters[parameter - 1]
      if (Array.isArray(value)) return JSON.stringify(value)
      if (typeof value === 'boolean') return value ? 1 : 0
      return (value ?? null) as string | number | null
    })
  }

  #prepare(text: string): Prepared {
    const known = this.#prepared.get(text)
    if (known) return known
    const translated = translate(text, this.#keys)
    const prepared: Prepared = {
      ...translated,
      statement: translated.kind === 'advisory' ? undefined : this.database.prepare(translated.text),
    }
    this.#prepared.set(text, prepared)
    return prepared
  }
}
