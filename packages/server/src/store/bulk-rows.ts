/**
 * Many rows in one go. A query builder's `values (…), (…)` costs more to compile than to run for a thousand
 * rows, so both databases have their own quick way: SQLite one prepared statement run row by row, PostgreSQL one
 * statement over a JSON list. Rows are plain column values; every row has the same columns as the first.
 */
import { type Insertable, type RawBuilder, type SqlBool, sql } from 'kysely'
import { insertPostgresRows, updatePostgresRows } from './postgres/postgres-bulk.ts'
import { insertSqliteRows, updateSqliteRows } from './sqlite/sqlite-bulk.ts'
import type { Queryable } from './store.ts'
import type { Tables } from './tables.ts'

export type ColumnValue = string | number | null
export type Row = Readonly<Record<string, ColumnValue>>

export interface BulkInsert {
  /** `skip` leaves an existing row as it is; default `fail`. */
  readonly onConflict?: 'fail' | 'skip'
}

export interface BulkUpdate {
  /** The table's key column; its value of every row that was changed is returned. */
  readonly key: string
  /** Columns that must be equal besides the key, such as a fence. Their values are in each row. */
  readonly match?: readonly string[]
  /** Columns that are written. */
  readonly set: readonly string[]
  /** A column that the stored row must have a value in. */
  readonly present?: string
}

/** Inserts every row, in order. @throws the database's error when one violates a constraint: then none is inserted. */
export async function insertRows<T extends keyof Tables>(
  on: Queryable,
  table: T,
  rows: readonly Insertable<Tables[T]>[],
  options: BulkInsert = {},
): Promise<void> {
  if (rows.length === 0) return
  const insert = on.dialect === 'sqlite' ? insertSqliteRows : insertPostgresRows
  await insert(on.db, table, rows as readonly Row[], options)
}

/** Updates one stored row for each given row. Returns the keys of those that matched. */
export async function updateRows(
  on: Queryable,
  table: keyof Tables,
  update: BulkUpdate,
  rows: readonly Row[],
): Promise<ReadonlySet<ColumnValue>> {
  if (rows.length === 0) return new Set()
  const change = on.dialect === 'sqlite' ? updateSqliteRows : updatePostgresRows
  return new Set(await change(on.db, table, update, rows))
}

/**
 * The condition that a text column is one of these values, as one parameter: the statement is the same for any
 * number of them, so it is prepared once.
 */
export function isOneOf(on: Queryable, column: string, values: readonly string[]): RawBuilder<SqlBool> {
  return on.dialect === 'sqlite'
    ? sql`${sql.ref(column)} in (select value from json_each(${JSON.stringify(values)}))`
    : sql`${sql.ref(column)} = any(${values}::text[])`
}
