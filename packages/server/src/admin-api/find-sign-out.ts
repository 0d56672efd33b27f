/** Which sign-out is meant: by its id, or by a beginning of it that only one sign-out of the realm has. */
import { sql } from 'kysely'
import type { Queryable } from '../store/store.ts'

/** The reference that people read out has six characters after `so_` (experience.md §8.2). */
const prefixLengthMin = 'so_'.length + 4

export type FoundSignOut =
  | { readonly ok: true; readonly id: string }
  | { readonly ok: false; readonly reason: 'sign_out_unknown' | 'sign_out_ambiguous' }

export async function findSignOut(on: Queryable, realmId: string, idOrPrefix: string): Promise<FoundSignOut> {
  const query = on.db.selectFrom('sign_out').select('id').where('realm_id', '=', realmId)
  const exact = await query.where('id', '=', idOrPrefix).executeTakeFirst()
  if (exact) return { ok: true, id: exact.id }
  if (idOrPrefix.length < prefixLengthMin) return { ok: false, reason: 'sign_out_unknown' }
  const [row, other] = await query
    .where(sql<string>`substr(id, 1, ${sql.lit(idOrPrefix.length)})`, '=', idOrPrefix)
    .limit(2)
    .execute()
  if (!row) return { ok: false, reason: 'sign_out_unknown' }
  return other ? { ok: false, reason: 'sign_out_ambiguous' } : { ok: true, id: row.id }
}
