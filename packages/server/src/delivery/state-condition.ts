/**
 * Conditions on a delivery's state with the state written out. A partial index is used only where the database can
 * see that the condition implies the index's own; a bound parameter hides that from it.
 */
import { type RawBuilder, type SqlBool, sql } from 'kysely'

export const isPending: RawBuilder<SqlBool> = sql<SqlBool>`state = 'pending'`
export const isLeased: RawBuilder<SqlBool> = sql<SqlBool>`state = 'leased'`
/** Ended without `accepted`, and not withdrawn. */
export const isUntold: RawBuilder<SqlBool> = sql<SqlBool>`state in ('rejected', 'unconfirmed', 'unreachable', 'blocked')`
