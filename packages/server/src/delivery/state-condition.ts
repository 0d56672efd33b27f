/**
 * Conditions that questions about deliveries share. Those on a delivery's state are with the state written out. A partial index is used only where the database can
 * see that the condition implies the index's own; a bound parameter hides that from it.
 */
import { type RawBuilder, type SqlBool, sql } from 'kysely'

export const isPending: RawBuilder<SqlBool> = sql<SqlBool>`state = 'pending'`
/**
 * The second half always holds, and implies the index's own condition. `is not null` would not do: PostgreSQL 17 takes
 * it away where the column has no nulls anyway, and then sees nothing that implies the index's.
 */
export const isLeased: RawBuilder<SqlBool> = sql<SqlBool>`state = 'leased' and endpoint_id >= ''`
/** Ended without `accepted`, and not withdrawn. */
export const isUntold: RawBuilder<SqlBool> = sql<SqlBool>`state in ('rejected', 'unconfirmed', 'unreachable', 'blocked')`

/** The sign-out and its parts, as the value of an `in`; with an `or`, PostgreSQL would read every row. */
export function partsOf(signOutId: string): RawBuilder<string> {
  return sql<string>`(select id from sign_out where id = ${signOutId}
    union all select id from sign_out where parent_id = ${signOutId})`
}
