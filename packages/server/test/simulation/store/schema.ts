/** What the engine must know of the tables: keys, unique indexes and references, read from SQLite's own schema. */
import type { DatabaseSync } from 'node:sqlite'
import type { ColumnValue, Row } from '../../../src/store/bulk-rows.ts'
import type { KeyColumns } from './translate.ts'

export interface UniqueIndex {
  readonly name: string
  readonly columns: readonly string[]
  /** Of a partial index: whether it holds this row. */
  readonly holds: (row: Row) => boolean
}

export interface Reference {
  readonly column: string
  readonly parent: string
}

export interface TableSchema {
  readonly name: string
  readonly columns: readonly string[]
  readonly key: readonly string[]
  readonly uniqueIndexes: readonly UniqueIndex[]
  readonly references: readonly Reference[]
}

/** Tables whose rows are locked in ways that a reference's own lock can meet. */
const lockedParents: ReadonlySet<string> = new Set(['session', 'sign_out', 'delivery'])

export function readSchema(database: DatabaseSync): ReadonlyMap<string, TableSchema> {
  const names = rowsOf(
    database,
    "select name from sqlite_master where type = 'table' and name not like 'sqlite_%'",
  )
  return new Map(names.map(({ name }) => [String(name), readTable(database, String(name))]))
}

export function keyColumnsOf(schema: ReadonlyMap<string, TableSchema>): KeyColumns {
  return new Map([...schema.values()].map((table) => [table.name, table.key]))
}

/** The key of a row as one text: what locks and images are named by. */
export function keyOf(table: TableSchema, row: Row): string {
  return table.key.map((column) => String(row[column])).join('/')
}

function readTable(database: DatabaseSync, name: string): TableSchema {
  const columns = rowsOf(database, `select * from pragma_table_info('${name}') order by cid`)
  const key = columns
    .filter(({ pk }) => Number(pk) > 0)
    .sort((one, other) => Number(one['pk']) - Number(other['pk']))
  return {
    name,
    columns: columns.map((column) => String(column['name'])),
    key: key.map((column) => String(column['name'])),
    uniqueIndexes: rowsOf(
      database,
      `select l.name, m.sql from pragma_index_list('${name}') l left join sqlite_master m on m.name = l.name
        where l."unique" = 1 and l.origin <> 'pk'`,
    ).map((index) => readIndex(database, String(index['name']), index['sql'])),
    references: rowsOf(database, `select * from pragma_foreign_key_list('${name}')`)
      .map((reference) => ({ column: String(reference['from']), parent: String(reference['table']) }))
      .filter(({ parent }) => lockedParents.has(parent)),
  }
}

function readIndex(database: DatabaseSync, name: string, definition: unknown): UniqueIndex {
  const columns = rowsOf(database, `select name from pragma_index_info('${name}') order by seqno`)
  return {
    name,
    columns: columns.map((column) => String(column['name'])),
    holds: conditionOf(typeof definition === 'string' ? definition : ''),
  }
}

/** The forms of condition that the schema's partial unique indexes have. */
function conditionOf(definition: string): (row: Row) => boolean {
  const condition = / where (.*)$/is.exec(definition)?.[1]
  if (condition === undefined) return () => true
  const equal = /^(\w+) = '(\w+)'$/.exec(condition)
  if (equal) return (row) => row[equal[1] as string] === equal[2]
  const present = /^(\w+) is( not)? null$/.exec(condition)
  if (present) return (row) => (row[present[1] as string] === null) !== (present[2] !== undefined)
  throw new Error(`the condition of a unique index has a new form: ${definition}`)
}

function rowsOf(database: DatabaseSync, text: string): readonly Record<string, ColumnValue>[] {
  return database.prepare(text).all() as unknown as readonly Record<string, ColumnValue>[]
}
