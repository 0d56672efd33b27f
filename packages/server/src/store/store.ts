/**
 * The store: one schema on two databases.
 *
 * Terms
 * - transaction: `store.transact(work)`. On PostgreSQL one database transaction. On SQLite the single writer
 *   runs the waiting works one after the other and commits them together (group commit): each one is a
 *   savepoint, so one that fails leaves the others alone.
 * - read: `store.read`, queries outside a transaction. They see committed rows only.
 * - wake-up: `tx.notify(channel)`, heard after the commit by every process through `store.onWake`.
 *
 * Invariants
 * - A transaction awaits nothing but the database (and gates). No network, no hashing, no signing inside.
 * - `transact` resolves only after the commit is durable (`synchronous=FULL`, `synchronous_commit=on`).
 * - A work may run more than once on PostgreSQL (serialization failure, deadlock: at most 3 times). It must not
 *   have effects outside the transaction; those go to `tx.afterCommit`.
 * - `transact` is never called from inside a work.
 */
import type { CompiledQuery, Kysely, SelectQueryBuilder } from 'kysely'
import type { Ambient } from '../ambient/ambient.ts'
import type { Clock, Instant } from '../ambient/clock.ts'
import { openPostgresStore } from './postgres/postgres-store.ts'
import { openSqliteStore } from './sqlite/sqlite-store.ts'
import type { Tables } from './tables.ts'

export type Dialect = 'sqlite' | 'postgres'

/** Something that queries can run on: a transaction, or the store's reader. */
export interface Queryable {
  readonly db: Kysely<Tables>
  /** Takes the compiled queries, which read by key, where that is not `db`. */
  readonly quick?: Kysely<Tables>
  readonly dialect: Dialect
}

/** Something that a transaction has made due, and from when on. */
export interface Due {
  readonly endpointId: string
  readonly dueAt: Instant
}

export type Heard = (payload: string, due: readonly Due[] | undefined) => void

/** Channels of wake-ups between processes. */
export type WakeChannel = 'delivery' | 'settled' | 'realm'

export interface Tx extends Queryable {
  /**
   * A statement whose answer nothing in the transaction needs: it is not waited for, and on PostgreSQL it travels
   * with COMMIT. When it fails, `transact` rejects with its error and nothing is committed.
   */
  withCommit(statement: Promise<unknown>): void
  /**
   * Runs a statement that the database itself refuses unless it reads or writes exactly one row: then it, and
   * `transact`, reject with `Unmet` of this demand. Absent where an answer costs no round trip.
   */
  readonly demandOne?: (statement: CompiledQuery, demand: string) => Promise<void>
  /** Runs after the commit is durable, in order; an exception in it is logged and changes nothing. */
  afterCommit(run: () => void): void
  /**
   * Wakes the listeners of this channel, in every process, after the commit. `payload` is an id, ≤ 200 bytes. `due`
   * goes to the listeners of this process alone, which then need not look for it.
   */
  notify(channel: WakeChannel, payload?: string, due?: readonly Due[]): void
}

export interface Store extends AsyncDisposable {
  readonly dialect: Dialect
  /** The time that every process on this database agrees on, within a second (R18). */
  readonly clock: Clock
  readonly read: Queryable
  /**
   * Runs `work` in one transaction and commits it durably.
   * @throws CURFEW_STORE_UNAVAILABLE when the database is away, full or the outcome of the commit is unknown;
   *   whatever `work` throws, after a rollback.
   */
  transact<T>(work: (tx: Tx) => Promise<T>): Promise<T>
  /** Hears wake-ups of this and of other processes. May miss some: polling carries them (F-27). Returns a stop. */
  onWake(channel: WakeChannel, heard: Heard): () => void
  /** Throws CURFEW_STORE_UNAVAILABLE unless the database answers a query. */
  check(): Promise<void>
}

export interface StoreSettings {
  /** `postgres://…`; absent = SQLite. */
  readonly databaseUrl?: string | undefined
  /** Folder of the SQLite file `curfew.db`; `:memory:` for tests of queries alone. */
  readonly dataDir: string
  /** PostgreSQL connections of this process, default 10, 2–100. */
  readonly connectionCountMax?: number
  /** Of a process that goes on working with this schema: noted in the transaction in which it found it so (R25). */
  readonly processId?: string
}

/**
 * Opens the database, takes the lock of the embedded one and applies missing migrations.
 * @throws CURFEW_STORE_LOCKED, CURFEW_STORE_TOO_NEW, CURFEW_STORE_MIGRATION_REFUSED, CURFEW_STORE_UNAVAILABLE
 */
export function openStore(settings: StoreSettings, ambient: Ambient): Promise<Store> {
  return settings.databaseUrl
    ? openPostgresStore({ ...settings, databaseUrl: settings.databaseUrl }, ambient)
    : openSqliteStore(settings, ambient)
}

/** Row locks of PostgreSQL; on SQLite the single writer is the lock. */
export type LockMode = 'for share' | 'for no key update' | 'for update'

/** Adds the row lock to a query on PostgreSQL (delivery.md, the lock question). */
export function withLock<DB, TB extends keyof DB, O>(
  on: Queryable,
  query: SelectQueryBuilder<DB, TB, O>,
  mode: LockMode,
): SelectQueryBuilder<DB, TB, O> {
  if (on.dialect === 'sqlite') return query
  if (mode === 'for share') return query.forShare()
  return mode === 'for update' ? query.forUpdate() : query.forNoKeyUpdate()
}
