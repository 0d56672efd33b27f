/**
 * On PostgreSQL an index over the few rows that are in one state looks like the cheapest way to any question about
 * that state, whatever it asks for, and is then walked from end to end (decision 0017). A condition on its own key,
 * which always holds, keeps it to questions that give that key.
 */
import { sql } from 'kysely'
import type { Migration } from './migrate.ts'

export const indexesByKey: Migration = {
  name: '0004-indexes-by-key',
  isBreaking: false,
  async up(on) {
    if (on.dialect === 'sqlite') return
    for (const { name, definition } of indexes) {
      await sql.raw(`drop index ${name}`).execute(on.db)
      await sql.raw(definition).execute(on.db)
    }
  },
}

const indexes: readonly { readonly name: string; readonly definition: string }[] = [
  {
    name: 'delivery_horizon',
    definition: `create index delivery_horizon on delivery (horizon_at)
      where state = 'pending' and horizon_at is not null`,
  },
  {
    name: 'delivery_pending_by_age',
    definition: `create index delivery_pending_by_age on delivery (realm_id, created_at)
      where state = 'pending' and realm_id is not null`,
  },
  {
    name: 'delivery_leased',
    definition: `create index delivery_leased on delivery (endpoint_id, lease_until)
      where state = 'leased' and endpoint_id is not null`,
  },
  {
    name: 'delivery_in_flight',
    definition: `create unique index delivery_in_flight on delivery (realm_id, client_id, sid)
      where state = 'leased' and sid is not null`,
  },
  {
    name: 'session_by_idle',
    definition: `create index session_by_idle on session (idle_until)
      where state = 'active' and idle_until is not null`,
  },
  {
    name: 'session_by_end',
    definition: `create index session_by_end on session (ends_at)
      where state = 'active' and ends_at is not null`,
  },
]
