/** How many sessions are signed in, for each realm. */
import { sql } from 'kysely'
import type { Queryable } from '../store/store.ts'

export interface SessionCount {
  readonly realm: string
  readonly count: number
}

export async function readSessionCounts(on: Queryable): Promise<readonly SessionCount[]> {
  const { rows } = await sql<{ name: string; n: number }>`
    select r.name, coalesce(c.n, 0) as n from realm r
      left join (select realm_id, count(*) as n from session where state = 'active' group by realm_id) as c
        on c.realm_id = r.id
      where r.deleted_at is null`.execute(on.db)
  return rows.map(({ name, n }) => ({ realm: name, count: Number(n) }))
}
