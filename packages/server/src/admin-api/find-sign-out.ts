/** One sign-out with its evidence: every delivery, every attempt, and who could not be told at all. */
import { type Selectable, sql } from 'kysely'
import type { Queryable } from '../store/store.ts'
import type { AttemptTable, DeliveryTable } from '../store/tables.ts'
import type { SignOutRow } from './list-sign-outs.ts'

/** The reference that people read out has six characters after `so_` (experience.md §8.2). */
export const prefixLengthMin = 'so_'.length + 4

export type FoundSignOut =
  | { readonly ok: true; readonly row: SignOutRow }
  | { readonly ok: false; readonly reason: 'sign_out_unknown' | 'sign_out_ambiguous' }

/** By id, or by a prefix that only one sign-out of the realm has. */
export async function findSignOut(on: Queryable, realmId: string, idOrPrefix: string): Promise<FoundSignOut> {
  const query = on.db.selectFrom('sign_out').selectAll().where('realm_id', '=', realmId)
  const exact = await query.where('id', '=', idOrPrefix).executeTakeFirst()
  if (exact) return { ok: true, row: exact }
  if (idOrPrefix.length < prefixLengthMin) return { ok: false, reason: 'sign_out_unknown' }
  const rows = await query
    .where(sql<string>`substr(id, 1, ${sql.lit(idOrPrefix.length)})`, '=', idOrPrefix)
    .limit(2)
    .execute()
  const [row, other] = rows
  if (!row) return { ok: false, reason: 'sign_out_unknown' }
  return other ? { ok: false, reason: 'sign_out_ambiguous' } : { ok: true, row }
}

export interface DeliveryEvidence extends Selectable<DeliveryTable> {
  readonly attempts: readonly Selectable<AttemptTable>[]
}

/** A session has at most as many applications as its realm has clients; a page of more would hide one. */
export async function readEvidence(on: Queryable, signOutId: string): Promise<readonly DeliveryEvidence[]> {
  const deliveries = await on.db
    .selectFrom('delivery')
    .selectAll()
    .where('sign_out_id', '=', signOutId)
    .orderBy('client_id')
    .orderBy('channel')
    .orderBy('generation')
    .execute()
  const attempts = await on.db
    .selectFrom('attempt')
    .innerJoin('delivery', 'delivery.id', 'attempt.delivery_id')
    .selectAll('attempt')
    .where('delivery.sign_out_id', '=', signOutId)
    .orderBy('attempt.number')
    .execute()
  const byDelivery = Map.groupBy(attempts, (attempt) => attempt.delivery_id)
  return deliveries.map((delivery) => ({ ...delivery, attempts: byDelivery.get(delivery.id) ?? [] }))
}

/** Applications of the ended session for which no delivery exists: nobody told us where to send it. */
export async function readUntold(
  on: Queryable,
  { id, session_uid }: Pick<SignOutRow, 'id' | 'session_uid'>,
): Promise<readonly { readonly client_id: string; readonly expires_at: number }[]> {
  if (session_uid === null) return []
  return on.db
    .selectFrom('client_session')
    .select(['client_id', 'expires_at'])
    .where('session_uid', '=', session_uid)
    .where('client_id', 'not in', (told) =>
      told.selectFrom('delivery').select('client_id').where('sign_out_id', '=', id),
    )
    .orderBy('client_id')
    .execute()
}
