/**
 * Which transaction's uncommitted rows are in the database at the moment: one's at a time. Another one's are put
 * back from their images when its statement comes.
 */
import type { DatabaseSync, StatementSync } from 'node:sqlite'
import type { ColumnValue, Row } from '../../../src/store/bulk-rows.ts'
import type { TableSchema } from './schema.ts'

/** A row as a transaction left it. */
export interface RowImage {
  readonly table: string
  readonly key: string
  /** Undefined for a row that was deleted. */
  readonly row: Row | undefined
}

interface Hosted {
  readonly images: ReadonlyMap<string, RowImage>
}

export class Hosting {
  hosted: Hosted | undefined
  readonly #database: DatabaseSync
  readonly #committed: ReadonlyMap<string, ReadonlyMap<string, Row>>
  #schema: ReadonlyMap<string, TableSchema> = new Map()
  readonly #upserts = new Map<string, StatementSync>()
  readonly #deletes = new Map<string, StatementSync>()

  constructor(database: DatabaseSync, committed: ReadonlyMap<string, ReadonlyMap<string, Row>>) {
    this.#database = database
    this.#committed = committed
  }

  learn(schema: ReadonlyMap<string, TableSchema>): void {
    this.#schema = schema
  }

  /** The transaction's rows become the committed ones. */
  commit(transaction: Hosted): void {
    this.host(transaction)
    this.statement('commit').run()
    this.hosted = undefined
  }

  /** Makes this transaction's rows the ones that statements see. */
  host(transaction: Hosted): void {
    if (this.hosted === transaction) return
    this.unhost()
    this.statement('begin').run()
    this.hosted = transaction
    for (const image of transaction.images.values()) this.write(image)
  }

  /** Leaves committed rows alone in the database. */
  unhost(): void {
    if (!this.hosted) return
    this.hosted = undefined
    if (this.#database.isTransaction) this.statement('rollback').run()
  }

  /** Writes one row as its image says. */
  write({ table, key, row }: RowImage): void {
    const schema = this.tableOf(table)
    if (row) {
      this.#upsertOf(schema).run(...schema.columns.map((column) => row[column] as ColumnValue))
      return
    }
    const known = this.#committed.get(table)?.get(key)
    if (known) this.#deleteOf(schema).run(...schema.key.map((column) => known[column] as ColumnValue))
  }

  #upsertOf(table: TableSchema): StatementSync {
    const known = this.#upserts.get(table.name)
    if (known) return known
    const names = table.columns.map((column) => `"${column}"`)
    const statement = this.#database.prepare(
      `insert into "${table.name}" (${names.join(', ')}) values (${names.map(() => '?').join(', ')})` +
        ` on conflict (${table.key.map((column) => `"${column}"`).join(', ')})` +
        ` do update set ${names.map((name) => `${name} = excluded.${name}`).join(', ')}`,
    )
    this.#upserts.set(table.name, statement)
    return statement
  }

  #deleteOf(table: TableSchema): StatementSync {
    const known = this.#deletes.get(table.name)
    if (known) return known
    const condition = table.key.map((column) => `"${column}" = ?`).join(' and ')
    const statement = this.#database.prepare(`delete from "${table.name}" where ${condition}`)
    this.#deletes.set(table.name, statement)
    return statement
  }

  statement(text: string): StatementSync {
    const known = this.#plain.get(text)
    if (known) return known
    const statement = this.#database.prepare(text)
    this.#plain.set(text, statement)
    return statement
  }
  readonly #plain = new Map<string, StatementSync>()

  tableOf(name: string): TableSchema {
    const table = this.#schema.get(name)
    if (!table) throw new Error(`there is no table ${name}`)
    return table
  }
}
