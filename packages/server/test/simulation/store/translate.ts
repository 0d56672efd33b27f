/**
 * PostgreSQL's SQL, as the product writes it, to SQLite's. Each distinct text is translated once. Only the forms
 * that the product uses are known; anything else fails in SQLite by name, so a new form is met at once.
 */
import type { RowLockMode } from './row-locks.ts'

export interface Translated {
  readonly text: string
  /** For each `?`: the number of PostgreSQL's parameter, or the database's clock. */
  readonly parameters: readonly (number | 'clock')[]
  readonly kind: 'read' | 'write' | 'advisory'
  /** For a write: what it does and where. */
  readonly write: { readonly verb: 'insert' | 'update' | 'delete'; readonly table: string } | undefined
  /** The statement itself asks for rows back. */
  readonly hasReturning: boolean
  readonly lock: RowLock | undefined
}

export interface RowLock {
  readonly table: string
  readonly mode: RowLockMode
  readonly skipsLocked: boolean
}

/** Key columns by table, in order; a row's lock is named by them. */
export type KeyColumns = ReadonlyMap<string, readonly string[]>

/** The name of the column in which a locking select also returns the keys of its rows. */
export const lockColumn = '~lock'

export function translate(postgres: string, keys: KeyColumns): Translated {
  if (postgres.includes('pg_try_advisory_xact_lock')) {
    return {
      text: '',
      parameters: [1],
      kind: 'advisory',
      write: undefined,
      hasReturning: false,
      lock: undefined,
    }
  }
  const write = writeOf(postgres)
  let text = postgres
  text = withoutLateral(text, keys)
  text = withoutRecordsets(text)
  const locking = write ? { text, lock: undefined } : withRowLock(text, keys)
  text = withoutArrays(locking.text)
  const hasReturning = / returning /i.test(text)
  if (write) text = returningAll(text)
  return {
    ...numbered(text),
    kind: write ? 'write' : 'read',
    write,
    hasReturning,
    lock: locking.lock,
  }
}

function writeOf(text: string): Translated['write'] {
  const found = /^\s*(insert into|update|delete from) "(\w+)"/i.exec(text)
  if (!found) return undefined
  const verb = (found[1] as string).split(' ')[0]?.toLowerCase() as 'insert' | 'update' | 'delete'
  return { verb, table: found[2] as string }
}

const lockClause = /\s+for (no key update|key share|share|update)(?: of "?(\w+)"?)?( skip locked)?\s*$/i

/** The lock is taken by the engine: the select returns its rows' keys, and leaves out those that it may skip. */
function withRowLock(text: string, keys: KeyColumns): { text: string; lock: RowLock | undefined } {
  if (text.includes(lockColumn)) {
    return { text, lock: { table: 'delivery', mode: 'update', skipsLocked: true } }
  }
  const found = lockClause.exec(text)
  if (!found) return { text, lock: undefined }
  const mode = (found[1] as string).toLowerCase() as RowLockMode
  const skipsLocked = found[3] !== undefined
  const plain = text.slice(0, found.index)
  const from = topLevel(plain, /\sfrom\s+"?(\w+)"?(?:(?:\s+as)?\s+"?(?!where\b|order\b|limit\b)(\w+)"?)?/gi)
  if (!from) throw new Error(`no table to lock in: ${text}`)
  const table = from[1] as string
  const alias = from[2] ?? table
  const key = keyExpression(keys, table, alias)
  let result = plain.replace(/^\s*select\s/i, `select ${key} as "${lockColumn}", `)
  if (skipsLocked) {
    const where = topLevel(result, /\swhere\s/gi)
    if (!where) throw new Error(`no condition in: ${text}`)
    const at = where.index + where[0].length
    result = `${result.slice(0, at)}not sim_locked('${table}', ${key}) and ${result.slice(at)}`
  }
  return { text: result, lock: { table, mode, skipsLocked } }
}

function keyExpression(keys: KeyColumns, table: string, alias: string): string {
  const columns = keys.get(table)
  if (!columns) throw new Error(`the key of ${table} is not known`)
  return columns.map((column) => `"${alias}"."${column}"`).join(` || '/' || `)
}

/** The first match that is not inside parentheses. */
function topLevel(text: string, pattern: RegExp): RegExpExecArray | undefined {
  for (const match of text.matchAll(pattern)) {
    const before = text.slice(0, match.index)
    if (before.split('(').length === before.split(')').length) return match
  }
  return undefined
}

/** The claim's lateral joins: SQLite has the same by a join on the rows that a subselect names. */
function withoutLateral(text: string, keys: KeyColumns): string {
  if (!text.includes('cross join lateral')) return text
  const key = keyExpression(keys, 'delivery', 'd')
  return text
    .replaceAll(
      /select c\.\*, e\.leased_count from asked e cross join lateral \(\s*select (.*?)\s+from delivery d\s+where (.*?)\s+for update of d skip locked\) c/gs,
      (_, columns: string, rest: string) =>
        `select ${columns}, e.leased_count, ${key} as "${lockColumn}" from asked e join delivery d on d.rowid in ` +
        `(select d.rowid from delivery d where not sim_locked('delivery', ${key}) and ${rest})`,
    )
    .replace(
      /from unnest\(\$(\d+)::text\[\]\) as a \(id\)/,
      'from (select value as id from json_each($$$1)) a',
    )
}

/** Bulk rows: a JSON list with the table's row type there, `json_extract` of each column here. */
function withoutRecordsets(text: string): string {
  const insert =
    /^insert into ("\w+") \((.*?)\) select .*? from json_populate_recordset\(null::"\w+", \$1::json\) as given/
  const inserted = insert.exec(text)
  if (inserted) {
    const columns = (inserted[2] as string).split(', ')
    return text.replace(
      insert,
      () =>
        `insert into ${inserted[1]} (${inserted[2]}) select ${columns.map(extract).join(', ')} from json_each($1) where true`,
    )
  }
  if (!text.includes('json_populate_recordset')) return text
  const columns = [...new Set([...text.matchAll(/given\.("\w+")/g)].map((match) => match[1] as string))]
  const given = `(select ${columns.map((column) => `${extract(column)} as ${column}`).join(', ')} from json_each($1)) as given`
  return text.replace(/json_populate_recordset\(null::"\w+", \$1::json\) as given/, () => given)
}

function extract(column: string): string {
  return `json_extract(value, '$.${column.slice(1, -1)}')`
}

function withoutArrays(text: string): string {
  return text
    .replaceAll(/= any\(\$(\d+)::text\[\]\)/g, 'in (select value from json_each($$$1))')
    .replaceAll('(extract(epoch from clock_timestamp()) * 1000)::bigint', '$clock')
}

/** The engine needs the rows as they are after the write; the columns that were asked for are among them. */
function returningAll(text: string): string {
  const at = text.search(/ returning /i)
  if (at < 0) return `${text} returning *`
  const asked = text.slice(at + ' returning '.length).replaceAll('stored.', '')
  return `${text.slice(0, at)} returning *${/ as /.test(asked) ? `, ${asked}` : ''}`
}

function numbered(text: string): { text: string; parameters: readonly (number | 'clock')[] } {
  const parameters: (number | 'clock')[] = []
  const plain = text.replaceAll(/\$(\d+|clock)\b/g, (_, name: string) => {
    parameters.push(name === 'clock' ? 'clock' : Number(name))
    return '?'
  })
  return { text: plain, parameters }
}
