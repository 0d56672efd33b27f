/** Finds a sign-out of one session that is still being written as quickly as one of many sessions (D18). */
import { sql } from 'kysely'
import type { Migration } from './migrate.ts'

export const openSignOuts: Migration = {
  name: '0002-open-sign-outs',
  isBreaking: false,
  async up(on) {
    for (const statement of statements) await sql.raw(statement).execute(on.db)
  },
}

const statements: readonly string[] = [
  `create index sign_out_unfinished on sign_out (parent_id, committed_at) where completed_at is null`,
  // the new one serves the version before as well
  `drop index sign_out_open`,
]
