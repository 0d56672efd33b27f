/** Bulk writes on PostgreSQL: one statement over a JSON list; the table's own row type gives the columns' types. */
import { CompiledQuery, type Kysely } from 'kysely'
import type { BulkInsert, BulkUpdate, ColumnValue, Row } from '../bulk-rows.ts'
import type { Tables } from '../tables.ts'

export async function insertPostgresRows(
  db: Kysely<Tables>,
  table: string,
  rows: readonly Row[],
  { onConflict }: BulkInsert,
): Promise<void> {
  const columns = Object.keys(rows[0] as Row)
    .map(quote)
    .join(', ')
  const text =
    `insert into ${quote(table)} (${columns}) select ${columns} from ${given(table)}` +
    (onConflict === 'skip' ? ' on conflict do nothing' : '')
  await db.executeQuery(CompiledQuery.raw(text, [JSON.stringify(rows)]))
}

export async function updatePostgresRows(
  db: Kysely<Tables>,
  table: string,
  { key, match = [], set, present }: BulkUpdate,
  rows: readonly Row[],
): Promise<readonly ColumnValue[]> {
  const conditions = [key, ...match].map((column) => `stored.${quote(column)} = given.${quote(column)}`)
  const text =
    `update ${quote(table)} as stored set ${set.map((column) => `${quote(column)} = given.${quote(column)}`).join(', ')}` +
    ` from ${given(table)} where ${conditions.join(' and ')}` +
    // written so that PostgreSQL does not guess it to be rare and begin with a walk in search of such rows
    (present ? ` and num_nonnulls(stored.${quote(present)}) <> 0` : '') +
    ` returning stored.${quote(key)} as "key"`
  const result = await db.executeQuery<{ key: ColumnValue }>(CompiledQuery.raw(text, [JSON.stringify(rows)]))
  return result.rows.map((row) => row.key)
}

function given(table: string): string {
  return `json_populate_recordset(null::${quote(table)}, $1::json) as given`
}

function quote(name: string): string {
  return `"${name}"`
}
