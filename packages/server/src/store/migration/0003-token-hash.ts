/** The hash of the token that an attempt sent, beside its `jti` and `kid` (D19). */
import { sql } from 'kysely'
import type { Migration } from './migrate.ts'

export const tokenHash: Migration = {
  name: '0003-token-hash',
  isBreaking: false,
  async up(on) {
    await sql`alter table attempt add column token_hash text`.execute(on.db)
  },
}
