/** How many live sessions a person has besides one: "my other devices". */
import type { Instant } from '../ambient/clock.ts'
import type { Queryable } from '../store/store.ts'

export async function countOtherSessions(
  on: Queryable,
  of: { readonly realmId: string; readonly accountId: string; readonly exceptSessionUid: string | undefined },
  at: Instant,
): Promise<number> {
  let query = on.db
    .selectFrom('session')
    .select((eb) => eb.fn.countAll().as('count'))
    .where('account_id', '=', of.accountId)
    .where('realm_id', '=', of.realmId)
    .where('state', '=', 'active')
    .where('idle_until', '>', at)
    .where('ends_at', '>', at)
  if (of.exceptSessionUid !== undefined) query = query.where('uid', '!=', of.exceptSessionUid)
  const row = await query.executeTakeFirst()
  return Number(row?.count ?? 0)
}
