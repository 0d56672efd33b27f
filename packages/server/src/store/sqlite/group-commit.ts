/**
 * The single writer of the embedded database. Works that wait at the same moment share one commit, so a
 * durable commit (one fsync) is paid once for all of them.
 */
import type { DatabaseSync } from 'node:sqlite'
import type { Log } from '../../ambient/log.ts'
import { CurfewError } from '../../errors.ts'
import type { TransactionQueries } from '../kysely-on.ts'
import type { Tx } from '../store.ts'
import { TransactionEffects } from '../transaction-effects.ts'
import type { WakeBus } from '../wake.ts'
import { isSqliteFault, unavailable } from './sqlite-fault.ts'

/** A commit shared by more works than this would make the first of them wait for the last. */
const unitCountMax = 128

interface Unit {
  readonly work: (tx: Tx) => Promise<unknown>
  readonly resolve: (value: unknown) => void
  readonly reject: (error: unknown) => void
}

interface Done {
  readonly unit: Unit
  readonly effects: TransactionEffects
  readonly value: unknown
}

export interface Writer {
  transact<T>(work: (tx: Tx) => Promise<T>): Promise<T>
  /** Resolves when everything handed in so far is committed or refused; later works are refused. */
  close(): Promise<void>
}

interface Writing {
  readonly database: DatabaseSync
  /** The query builder of one work. */
  queries(): TransactionQueries
  readonly bus: WakeBus
  readonly log: Log
}

export function createWriter(writing: Writing): Writer {
  const queue: Unit[] = []
  let isDraining = false
  let isClosed = false
  let closed: (() => void) | undefined

  async function drain(): Promise<void> {
    while (queue.length > 0) await commitTogether(writing, queue.splice(0, unitCountMax))
    isDraining = false
    closed?.()
  }

  return {
    transact<T>(work: (tx: Tx) => Promise<T>): Promise<T> {
      if (isClosed) {
        return Promise.reject(new CurfewError('CURFEW_STORE_UNAVAILABLE', 'The database is being closed.'))
      }
      return new Promise<T>((resolve, reject) => {
        queue.push({ work, resolve: resolve as (value: unknown) => void, reject })
        if (isDraining) return
        isDraining = true
        // the other requests of this turn of the event loop join the commit
        setImmediate(() => void drain())
      })
    },
    close() {
      isClosed = true
      return isDraining ? new Promise((resolve) => (closed = resolve)) : Promise.resolve()
    },
  }
}

async function commitTogether(writing: Writing, units: readonly Unit[]): Promise<void> {
  const { database } = writing
  const done: Done[] = []
  try {
    database.exec('begin immediate')
    for (const unit of units) {
      const finished = await runInSavepoint(writing, unit)
      if (finished) done.push(finished)
    }
    database.exec('commit')
  } catch (error) {
    if (database.isTransaction) database.exec('rollback')
    for (const unit of units) unit.reject(unavailable(error))
    return
  }
  for (const one of done) finish(writing, one)
}

/** The caller goes on before the listeners run: they wake others, it answers a person. */
function finish({ bus, log }: Writing, { unit, effects, value }: Done): void {
  unit.resolve(value)
  effects.runAfterCommit(log)
  for (const { channel, payload, due } of effects.notices) bus.emit(channel, payload, due)
}

async function runInSavepoint({ database, queries }: Writing, unit: Unit): Promise<Done | undefined> {
  const effects = new TransactionEffects()
  const { db, end } = queries()
  database.exec('savepoint unit')
  try {
    const value = await unit.work({
      db,
      dialect: 'sqlite',
      withCommit: (statement) => effects.withCommit(statement),
      afterCommit: (run) => effects.afterCommit(run),
      notify: (channel, payload, due) => effects.notify(channel, payload, due),
    })
    await effects.settleStatements()
    end()
    database.exec('release unit')
    return { unit, effects, value }
  } catch (error) {
    end()
    // a full disk may have rolled back everything already; then the whole batch has failed
    if (!database.isTransaction) throw error
    database.exec('rollback to unit; release unit')
    unit.reject(isSqliteFault(error) ? unavailable(error) : error)
    return undefined
  }
}
