/**
 * Queries of the busiest endpoints, compiled to SQL once per database and run with new values: building them
 * with Kysely costs more than running them on the embedded database. Each finds its rows by a key: outside a
 * transaction PostgreSQL gets them all on one shared connection (`quick`).
 */
import type { Compilable, CompiledQuery, Kysely } from 'kysely'
import type { Dialect, Queryable, Tx } from './store.ts'
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
  const query = compiled<Record<Name, string>, Row>(names, build)
  return async (on, values) => (await (on.quick ?? on.db).executeQuery(query(on, values))).rows
}

/**
 * The same for a statement that writes. `example` has one value of the right type for each name; the returned
 * function says how many rows were written.
 */
export function compiledStatement<Values extends Readonly<Record<string, SqlValue>>>(
  example: Values,
  build: (db: Kysely<Tables>, value: Values) => Compilable<unknown>,
): (on: Queryable, values: Values) => Promise<number> {
  const query = compiled<Values, unknown>(Object.keys(example), build)
  return async (on, values) => Number((await on.db.executeQuery(query(on, values))).numAffectedRows ?? 0n)
}

/** Rolls a transaction back: a statement did not find what `demand` names. */
export class Unmet extends Error {
  readonly demand: string

  constructor(demand: string) {
    super(demand)
    this.name = 'Unmet'
    this.demand = demand
  }
}

/**
 * A statement that must read or write exactly one row; otherwise it fails with `Unmet` and its transaction with
 * it. Where the database itself can refuse, nobody needs to wait for the answer: hand it to `tx.withCommit`.
 */
export function demandedStatement<Values extends Readonly<Record<string, SqlValue>>>(
  demand: string,
  example: Values,
  build: (db: Kysely<Tables>, value: Values, on: Queryable) => Compilable<unknown>,
): (tx: Tx, values: Values) => Promise<void> {
  const query = compiled<Values, unknown>(Object.keys(example), build)
  return async (tx, values) => {
    const statement = query(tx, values)
    if (tx.demandOne) return tx.demandOne(statement, demand)
    const { rows, numAffectedRows } = await tx.db.executeQuery(statement)
    const count = isReading(statement) ? rows.length : Number(numAffectedRows ?? 0n)
    if (count !== 1) throw new Unmet(demand)
  }
}

export function isReading({ query }: CompiledQuery): boolean {
  return query.kind === 'SelectQueryNode'
}

function compiled<Values extends Readonly<Record<string, SqlValue>>, Row>(
  names: readonly (keyof Values & string)[],
  build: (db: Kysely<Tables>, value: Values, on: Queryable) => Compilable<Row>,
): (on: Queryable, values: Values) => CompiledQuery<Row> {
  const queries = new Map<Dialect, { query: CompiledQuery<Row>; order: readonly unknown[] }>()
  const marks = Object.fromEntries(names.map((name) => [name, `value:${name}`])) as unknown as Values
  const nameOf = new Map<unknown, string>(names.map((name) => [`value:${name}`, name]))
  return (on, values) => {
    let known = queries.get(on.dialect)
    if (!known) {
      const query = build(on.db, marks, on).compile()
      known = { query, order: query.parameters }
      queries.set(on.dialect, known)
    }
    const parameters = known.order.map((mark) => {
      const name = nameOf.get(mark)
      return name === undefined ? mark : values[name]
    })
    return { ...known.query, parameters }
  }
}
