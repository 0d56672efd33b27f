/** PostgreSQL: several processes on one database. */
import { type Kysely, sql } from 'kysely'
import pg from 'pg'
import type { Ambient } from '../../ambient/ambient.ts'
import type { Instant } from '../../ambient/clock.ts'
import { randomId } from '../../ambient/random.ts'
import { migrate, migrations } from '../migration/migrate.ts'
import { noteProcess } from '../process.ts'
import type { Store, StoreSettings, Tx } from '../store.ts'
import type { Tables } from '../tables.ts'
import { type Notice, TransactionEffects } from '../transaction-effects.ts'
import { createWakeBus, type WakeBus } from '../wake.ts'
import { startDatabaseClock } from './database-clock.ts'
import { isConsequence, isDatabaseFault, isOfStatement, isRetryable, unavailable } from './database-fault.ts'
import { demandOne } from './postgres-demand.ts'
import { openConnections, type PostgresConnection, type PostgresConnections } from './postgres-driver.ts'
import { startListening } from './postgres-listen.ts'

/** A lock that only Curfew's migrations take, so that two starting processes migrate one after the other. */
const migrationLockId = 8_203_419
const tryCountMax = 3

export async function openPostgresStore(
  settings: StoreSettings & { databaseUrl: string },
  ambient: Ambient,
): Promise<Store> {
  const pool = createPool(settings)
  // an idle connection that breaks must not end the process; the next query gets a new one
  pool.on('error', (error) => ambient.log.write('warn', 'store.connection_lost', { error: error.message }))
  const connections = openConnections(pool, ambient.clock)
  const { db } = connections
  const bus = createWakeBus()
  const origin = randomId(ambient.random, '', 64)
  const starting: Committing = { connections, ambient, bus, origin, isAlone: () => false }
  const time = await startDatabaseClock(ambient, () => readDatabaseNow(db)).catch(async (error) => {
    await pool.end()
    throw error
  })
  try {
    await inTransaction(starting, async (tx) => {
      await sql`select pg_advisory_xact_lock(${migrationLockId})`.execute(tx.db)
      await migrate(tx, migrations, time.clock.now())
      if (settings.processId) await noteProcess(tx, settings.processId, time.clock.now())
    })
  } catch (error) {
    await time.stop()
    await pool.end()
    throw error
  }
  const listening = startListening(settings.databaseUrl, { bus, ambient, origin })
  const committing: Committing = { ...starting, isAlone: listening.isAlone }
  return {
    dialect: 'postgres',
    clock: time.clock,
    read: { db, quick: connections.quick, dialect: 'postgres' },
    transact: (work) => inTransaction(committing, work),
    onWake: (channel, heard) => bus.on(channel, heard),
    async check() {
      await sql`select 1`.execute(db)
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([listening.stop(), time.stop()])
      connections[Symbol.dispose]()
      await pool.end()
    },
  }
}

async function readDatabaseNow(db: Kysely<Tables>): Promise<Instant> {
  const { rows } = await sql<{
    now: number
  }>`select (extract(epoch from clock_timestamp()) * 1000)::bigint as now`.execute(db)
  return rows[0]?.now as Instant
}

const sessionSettings = {
  synchronous_commit: 'on',
  idle_in_transaction_session_timeout: '15000',
  lock_timeout: '8000',
}

/**
 * Every query here goes by a key. Statistics of a quiet moment make a walk over the whole table look cheaper, and at
 * the next busy one it is not; a bitmap of an index also keeps stepping over dead rows that a plain scan of it would
 * have cleared away (decision 0017).
 */
const planSettings = {
  enable_seqscan: 'off',
  enable_bitmapscan: 'off',
  enable_hashjoin: 'off',
  enable_mergejoin: 'off',
  jit: 'off',
}

function optionsOf(settings: Readonly<Record<string, string>>): string {
  return Object.entries(settings)
    .map(([name, value]) => `-c ${name}=${value}`)
    .join(' ')
}

function createPool(settings: StoreSettings & { databaseUrl: string }): pg.Pool {
  return new pg.Pool({
    connectionString: settings.databaseUrl,
    max: settings.connectionCountMax ?? 10,
    connectionTimeoutMillis: 5000,
    idleTimeoutMillis: 60_000,
    keepAlive: true,
    // a half-open connection must not hold a request for ever (F-19)
    query_timeout: 15_000,
    application_name: 'curfew',
    options: optionsOf({ ...sessionSettings, ...planSettings }),
  })
}

interface Committing {
  readonly connections: PostgresConnections
  readonly ambient: Ambient
  readonly bus: WakeBus
  /** Names this store in its notices, so that it does not hear its own a second time. */
  readonly origin: string
  /** Nobody else hears notices of this database. */
  isAlone(): boolean
}

async function inTransaction<T>(committing: Committing, work: (tx: Tx) => Promise<T>): Promise<T> {
  const { connections, ambient, bus } = committing
  for (let tryNumber = 1; ; tryNumber++) {
    const effects = new TransactionEffects()
    try {
      const value = await runOnce(await connections.borrow(), committing, effects, work)
      effects.runAfterCommit(ambient.log)
      // this process is woken without the way through the database, which may be slow or deaf
      for (const { channel, payload, due } of effects.notices) bus.emit(channel, payload, due)
      return value
    } catch (error) {
      if (isRetryable(error) && tryNumber < tryCountMax) continue
      throw isDatabaseFault(error) ? unavailable(error) : error
    }
  }
}

/** `begin` leaves with the first statement, and `commit` with the last ones that nobody waits for. */
async function runOnce<T>(
  connection: PostgresConnection,
  committing: Committing,
  effects: TransactionEffects,
  work: (tx: Tx) => Promise<T>,
): Promise<T> {
  const queries = connection.queries()
  try {
    effects.withCommit(connection.control('begin'))
    const value = await work(txOn(queries.db, effects))
    const notices = effects.notices.filter(({ channel }) => channel === 'realm' || !committing.isAlone())
    if (notices.length > 0) effects.withCommit(sendNotices(queries.db, committing.origin, notices))
    queries.end()
    const commit = connection.control('commit')
    await effects.settleStatements(commit)
    // a statement that failed unseen has aborted the transaction: then COMMIT answers ROLLBACK
    if ((await commit) !== 'COMMIT') throw unavailable(new Error('the transaction was rolled back'))
    return value
  } catch (error) {
    queries.end()
    await connection.control('rollback').catch(() => undefined)
    // the statement that was waited for may have been refused only because of one before it
    throw isOfStatement(error) ? ((await effects.firstFault(isConsequence)) ?? error) : error
  } finally {
    connection.release()
  }
}

function txOn(db: Kysely<Tables>, effects: TransactionEffects): Tx {
  return {
    db,
    dialect: 'postgres',
    demandOne: (statement, demand) => demandOne(db, statement, demand),
    withCommit: (statement) => effects.withCommit(statement),
    afterCommit: (run) => effects.afterCommit(run),
    notify: (channel, payload, due) => effects.notify(channel, payload, due),
  }
}

/** One statement for all: a group of outcomes wakes the watchers of hundreds of sign-outs. */
async function sendNotices(db: Kysely<Tables>, origin: string, notices: readonly Notice[]): Promise<void> {
  const channels = notices.map(({ channel }) => `curfew_${channel}`)
  const payloads = notices.map(({ payload }) => `${origin} ${payload}`)
  await sql`select pg_notify(channel, payload)
    from unnest(${channels}::text[], ${payloads}::text[]) as notice (channel, payload)`.execute(db)
}
