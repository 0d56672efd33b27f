/** How many sessions are signed in, for each realm that has one. */
import type { Queryable } from '../store/store.ts'

export async function readSessionCounts(
  on: Queryable,
): Promise<readonly { readonly realmId: string; readonly count: number }[]> {
  const rows = await on.db
    .selectFrom('session')
    .select(['realm_id', (count) => count.fn.countAll<number>().as('n')])
    .where('state', '=', 'active')
    .groupBy('realm_id')
    .execute()
  return rows.map((row) => ({ realmId: row.realm_id, count: Number(row.n) }))
}
