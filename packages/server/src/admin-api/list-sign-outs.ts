/** Lists sign-outs, newest first, with how far their deliveries are. */
import { sql } from 'kysely'
import type { Instant } from '../ambient/clock.ts'
import { type SignOutView, signOutFromRow } from '../delivery/read-sign-out.ts'
import type { Queryable } from '../store/store.ts'

/** A sign-out without its applications. */
export type SignOutSummary = Omit<SignOutView, 'applications' | 'isTruncated'>

export interface SignOutFilter {
  readonly accountId?: string | undefined
  readonly sessionUid?: string | undefined
  /** Only sign-outs of which this application was told. */
  readonly clientId?: string | undefined
  readonly cause?: string | undefined
  readonly initiator?: string | undefined
  /** The parts of one sign-out over many sessions; without it, parts are left out of the list. */
  readonly parentId?: string | undefined
  /** Inclusive. */
  readonly from?: Instant | undefined
  /** Exclusive. */
  readonly until?: Instant | undefined
}

/** Where a page ended: the next one begins behind this row. */
export interface SignOutCursor {
  readonly committedAt: Instant
  readonly id: string
}

export async function listSignOuts(
  on: Queryable,
  realmId: string,
  filter: SignOutFilter,
  page: { readonly after: SignOutCursor | undefined; readonly rowCountMax: number },
): Promise<readonly SignOutSummary[]> {
  let query = on.db.selectFrom('sign_out').selectAll().where('realm_id', '=', realmId)
  if (filter.parentId !== undefined) query = query.where('parent_id', '=', filter.parentId)
  else if (filter.sessionUid === undefined) query = query.where('parent_id', 'is', null)
  if (filter.accountId !== undefined) query = query.where('account_id', '=', filter.accountId)
  if (filter.sessionUid !== undefined) query = query.where('session_uid', '=', filter.sessionUid)
  if (filter.cause !== undefined) query = query.where('cause', '=', filter.cause)
  if (filter.initiator !== undefined) query = query.where('initiator', '=', filter.initiator)
  if (filter.from !== undefined) query = query.where('committed_at', '>=', filter.from)
  if (filter.until !== undefined) query = query.where('committed_at', '<', filter.until)
  const { clientId } = filter
  if (clientId !== undefined) {
    query = query.where((eb) =>
      eb.exists(
        eb
          .selectFrom('delivery')
          .select('delivery.id')
          .whereRef('delivery.sign_out_id', '=', 'sign_out.id')
          .where('delivery.client_id', '=', clientId),
      ),
    )
  }
  const { after } = page
  if (after) {
    query = query.where((eb) =>
      eb.or([
        eb('committed_at', '<', after.committedAt),
        eb.and([eb('committed_at', '=', after.committedAt), eb('id', '<', after.id)]),
      ]),
    )
  }
  const rows = await query
    .orderBy('committed_at', 'desc')
    .orderBy('id', 'desc')
    .limit(page.rowCountMax)
    .execute()
  return rows.map(signOutFromRow)
}

/** Deliveries by state for each sign-out, those of its parts included; of replayed ones the last generation counts. */
export async function countDeliveries(
  on: Queryable,
  signOutIds: readonly string[],
): Promise<ReadonlyMap<string, Readonly<Record<string, number>>>> {
  const counts = new Map<string, Record<string, number>>()
  if (signOutIds.length === 0) return counts
  const rows = await on.db
    .selectFrom('sign_out')
    .innerJoin('delivery', 'delivery.sign_out_id', 'sign_out.id')
    .select([
      sql<string>`coalesce(sign_out.parent_id, sign_out.id)`.as('parent_id'),
      'sign_out.id',
      'delivery.state',
      (eb) => eb.fn.countAll<number>().as('count'),
    ])
    .where((eb) => eb.or([eb('sign_out.id', 'in', signOutIds), eb('sign_out.parent_id', 'in', signOutIds)]))
    .where((eb) =>
      eb.not(
        eb.exists(
          eb
            .selectFrom('delivery as newer')
            .select('newer.id')
            .whereRef('newer.sign_out_id', '=', 'delivery.sign_out_id')
            .whereRef('newer.session_uid', '=', 'delivery.session_uid')
            .whereRef('newer.client_id', '=', 'delivery.client_id')
            .whereRef('newer.channel', '=', 'delivery.channel')
            .whereRef('newer.generation', '>', 'delivery.generation'),
        ),
      ),
    )
    .groupBy([sql`coalesce(sign_out.parent_id, sign_out.id)`, 'sign_out.id', 'delivery.state'])
    .execute()
  const asked = new Set(signOutIds)
  for (const row of rows) {
    // a part that was asked for itself counts for itself, and for its parent when that was asked for too
    for (const id of new Set([row.id, row.parent_id])) {
      if (!asked.has(id)) continue
      const states = counts.get(id) ?? {}
      states[row.state] = (states[row.state] ?? 0) + Number(row.count)
      counts.set(id, states)
    }
  }
  return counts
}
