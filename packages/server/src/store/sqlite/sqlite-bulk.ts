/** Bulk writes on SQLite: one prepared statement, run once per row (four times as fast as `json_each`). */
import type { Kysely } from 'kysely'
import type { BulkInsert, BulkUpdate, ColumnValue, Row } from '../bulk-rows.ts'
import type { Tables } from '../tables.ts'
import type { SqliteConnection } from './sqlite-driver.ts'

export async function insertSqliteRows(
  db: Kysely<Tables>,
  table: string,
  rows: readonly Row[],
  { onConflict }: BulkInsert,
): Promise<void> {
  const columns = Object.keys(rows[0] as Row)
  const text =
    `insert into ${quote(table)} (${columns.map(quote).join(', ')}) values (${columns.map(() => '?').join(', ')})` +
    (onConflict === 'skip' ? ' on conflict do nothing' : '')
  await runEach(db, text, columns, rows)
}

export async function updateSqliteRows(
  db: Kysely<Tables>,
  table: string,
  { key, match = [], set, present }: BulkUpdate,
  rows: readonly Row[],
): Promise<readonly ColumnValue[]> {
  const conditions = [key, ...match].map((column) => `${quote(column)} = ?`)
  const text =
    `update ${quote(table)} set ${set.map((column) => `${quote(column)} = ?`).join(', ')}` +
    ` where ${[...conditions, ...(present ? [`${quote(present)} is not null`] : [])].join(' and ')}`
  const changes = await runEach(db, text, [...set, key, ...match], rows)
  return rows.filter((_, index) => changes[index] !== 0).map((row) => row[key] as ColumnValue)
}

function runEach(
  db: Kysely<Tables>,
  text: string,
  columns: readonly string[],
  rows: readonly Row[],
): Promise<readonly number[]> {
  return db.getExecutor().provideConnection(async (connection) =>
    (connection as unknown as SqliteConnection).runEach(
      text,
      rows.map((row) => columns.map((column) => row[column] ?? null)),
    ),
  )
}

function quote(name: string): string {
  return `"${name}"`
}
