/** How many live sessions and offline grants each application has (KQ-05, KQ-07). */
import type { Instant } from '../ambient/clock.ts'
import type { Queryable } from '../store/store.ts'

/** By `client_id`; one application, or all of the realm. */
export async function countClientSessions(
  on: Queryable,
  realmId: string,
  clientId: string | undefined,
  at: Instant,
): Promise<ReadonlyMap<string, number>> {
  let query = on.db
    .selectFrom('client_session')
    .innerJoin('session', 'session.uid', 'client_session.session_uid')
    .select(['client_session.client_id', (eb) => eb.fn.countAll<number>().as('count')])
    .where('client_session.realm_id', '=', realmId)
    .where('client_session.ended_at', 'is', null)
    .where('session.state', '=', 'active')
    .where('session.idle_until', '>', at)
    .where('session.ends_at', '>', at)
  if (clientId !== undefined) query = query.where('client_session.client_id', '=', clientId)
  const rows = await query.groupBy('client_session.client_id').execute()
  return new Map(rows.map((row) => [row.client_id, Number(row.count)]))
}

/** Offline grants count once, however many tokens came of them. */
export async function countOfflineGrants(
  on: Queryable,
  realmId: string,
  clientId: string | undefined,
  at: Instant,
): Promise<ReadonlyMap<string, number>> {
  let query = on.db
    .selectFrom('artifact')
    .select(['client_id', (eb) => eb.fn.count<number>('grant_id').distinct().as('count')])
    .where('realm_id', '=', realmId)
    .where('is_offline', '=', 1)
    .where('client_id', 'is not', null)
    .where((eb) => eb.or([eb('expires_at', 'is', null), eb('expires_at', '>', at)]))
  if (clientId !== undefined) query = query.where('client_id', '=', clientId)
  const rows = await query.groupBy('client_id').execute()
  return new Map(rows.map((row) => [row.client_id ?? '', Number(row.count)]))
}
