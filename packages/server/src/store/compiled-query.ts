/**
 * Queries of the busiest endpoints, compiled to SQL once per database and run with new values: building them
 * with Kysely costs more than running them on the embedded database. Each finds its rows by a key: outside a
 * transaction PostgreSQL gets them all on one shared connection (`quick`).
 */
import type { Compilable, CompiledQuery, Kysely, QueryResult } from 'kysely'
import type { Dialect, Queryable } from './store.ts'
import type { Tables } from './tables.ts'

type SqlValue = string | number | null

/**
 * `build` gets the names of the values in place of the values (all are texts) and is called once per database.
 * The returned function runs the query with the values themselves. `on` is for row locks (`withLock`).
 */
export function compiledQuery<Name extends string, Row>(
  names: readonly Name[],
  build: (db: Kysely<Tables>, value: Readonly<Record<Name, string>>, on: Queryable) => Compilable<Row>,
): (on: Queryable, values: Readonly<Record<Name, string>>) => Promise<readonly Row[]> {
  const run = compiled<Record<Name, string>, Row>(names, build)
  return async (on, values) => (await run(on, values, on.quick ?? on.db)).rows
}

/**
 * The same for a statement that writes. `example` has one value of the right type for each name; the returned
 * function says how many rows were written.
 */
export function compiledStatement<Values extends Readonly<Record<string, SqlValue>>>(
  example: Values,
  build: (db: Kysely<Tables>, value: Values) => Compilable<unknown>,
): (on: Queryable, values: Values) => Promise<number> {
  const run = compiled<Values, unknown>(Object.keys(example), build)
  return async (on, values) => Number((await run(on, values, on.db)).numAffectedRows ?? 0n)
}

function compiled<Values extends Readonly<Record<string, SqlValue>>, Row>(
  names: readonly (keyof Values & string)[],
  build: (db: Kysely<Tables>, value: Values, on: Queryable) => Compilable<Row>,
): (on: Queryable, values: Values, db: Kysely<Tables>) => Promise<QueryResult<Row>> {
  const queries = new Map<Dialect, { query: CompiledQuery<Row>; order: readonly unknown[] }>()
  const marks = Object.fromEntries(names.map((name) => [name, `value:${name}`])) as unknown as Values
  const nameOf = new Map<unknown, string>(names.map((name) => [`value:${name}`, name]))
  return (on, values, db) => {
    let known = queries.get(on.dialect)
    if (!known) {
      const query = build(db, marks, on).compile()
      known = { query, order: query.parameters }
      queries.set(on.dialect, known)
    }
    const parameters = known.order.map((mark) => {
      const name = nameOf.get(mark)
      return name === undefined ? mark : values[name]
    })
    return db.executeQuery<Row>({ ...known.query, parameters })
  }
}
