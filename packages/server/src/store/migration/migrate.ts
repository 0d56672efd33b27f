/**
 * Brings the schema forward. A migration is additive unless it is marked breaking; a breaking one is refused
 * while another process with the old code is alive, because that process would write rows that the new
 * schema cannot hold (delivery.md R25).
 */
import { sql } from 'kysely'
import type { Instant } from '../../ambient/clock.ts'
import { CurfewError } from '../../errors.ts'
import type { Queryable } from '../store.ts'
import { core } from './0001-core.ts'
import { openSignOuts } from './0002-open-sign-outs.ts'
import { tokenHash } from './0003-token-hash.ts'
import { indexesByKey } from './0004-indexes-by-key.ts'

export interface Migration {
  readonly name: string
  /** True when code of the version before cannot work on the schema after it. */
  readonly isBreaking: boolean
  up(on: Queryable): Promise<void>
}

/** Every migration in order. Names are never reused and never reordered. */
export const migrations: readonly Migration[] = [core, openSignOuts, tokenHash, indexesByKey]

/** A process counts as alive for this long after its last heartbeat (store/process.ts writes one every 5 s). */
const processAliveMs = 30_000

/** Applies what is missing, inside the caller's transaction. Returns the names that were applied. */
export async function migrate(
  on: Queryable,
  list: readonly Migration[],
  at: Instant,
): Promise<readonly string[]> {
  await createMigrationTable(on)
  const applied = new Set(
    (await on.db.selectFrom('schema_migration').select('name').execute()).map((row) => row.name),
  )
  const known = new Set(list.map((migration) => migration.name))
  const unknown = [...applied].filter((name) => !known.has(name))
  const unknownBreaking = unknown.length > 0 ? await breakingAmong(on, unknown) : []
  if (unknownBreaking.length > 0) {
    throw new CurfewError(
      'CURFEW_STORE_TOO_NEW',
      `The database has the migrations ${unknownBreaking.join(', ')} of a newer Curfew. Start that version, or restore a backup.`,
    )
  }
  const missing = list.filter((migration) => !applied.has(migration.name))
  if (missing.some((migration) => migration.isBreaking)) await refuseWhileOthersLive(on, at)
  for (const migration of missing) {
    await migration.up(on)
    await on.db
      .insertInto('schema_migration')
      .values({ name: migration.name, applied_at: at, is_breaking: migration.isBreaking ? 1 : 0 })
      .execute()
  }
  return missing.map((migration) => migration.name)
}

async function createMigrationTable(on: Queryable): Promise<void> {
  await sql`create table if not exists schema_migration (
    name text primary key, applied_at ${sql.raw(on.dialect === 'sqlite' ? 'integer' : 'bigint')} not null,
    is_breaking ${sql.raw(on.dialect === 'sqlite' ? 'integer' : 'bigint')} not null)`.execute(on.db)
}

async function breakingAmong(on: Queryable, names: readonly string[]): Promise<readonly string[]> {
  const rows = await on.db
    .selectFrom('schema_migration')
    .select('name')
    .where('name', 'in', names)
    .where('is_breaking', '=', 1)
    .execute()
  return rows.map((row) => row.name)
}

async function refuseWhileOthersLive(on: Queryable, at: Instant): Promise<void> {
  const applied = await on.db.selectFrom('schema_migration').select('name').execute()
  if (applied.length === 0) return
  const alive = await on.db
    .selectFrom('process')
    .select('id')
    .where('seen_at', '>', at - processAliveMs)
    .execute()
  if (alive.length === 0) return
  throw new CurfewError(
    'CURFEW_STORE_MIGRATION_REFUSED',
    `This version changes the schema in a way that ${alive.length} running process(es) cannot work with. Stop them and start again.`,
  )
}
