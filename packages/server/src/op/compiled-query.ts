/**
 * Queries of the busiest endpoints, compiled to SQL once per database and run with new values: building them
 * with Kysely costs more than running them on the embedded database.
 */
import type { Compilable, CompiledQuery, Kysely } from 'kysely'
import type { Queryable } from '../store/store.ts'
import type { Tables } from '../store/tables.ts'

/**
 * `build` gets the names of the values in place of the values (all are texts) and is called once per database.
 * The returned function runs the query with the values themselves.
 */
export function compiledQuery<Name extends string, Row>(
  names: readonly Name[],
  build: (db: Kysely<Tables>, value: Readonly<Record<Name, string>>) => Compilable<Row>,
): (on: Queryable, values: Readonly<Record<Name, string>>) => Promise<readonly Row[]> {
  const compiled = new WeakMap<Kysely<Tables>, CompiledQuery<Row>>()
  const marks = Object.fromEntries(names.map((name) => [name, `value:${name}`])) as Record<Name, string>
  const nameOf = new Map(names.map((name) => [marks[name], name]))
  return async ({ db }, values) => {
    let query = compiled.get(db)
    if (!query) {
      query = build(db, marks).compile()
      compiled.set(db, query)
    }
    const parameters = query.parameters.map((mark) => {
      const name = nameOf.get(mark as string)
      return name === undefined ? mark : values[name]
    })
    return (await db.executeQuery<Row>({ ...query, parameters })).rows
  }
}
