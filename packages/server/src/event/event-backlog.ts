/**
 * Rows of events that belong to no other change, waiting to be written together.
 *
 * A flood of bad requests makes a flood of error events. Three bounds keep it from the database and from
 * memory: rows per second in all and per source, and rows waiting. The log line of each event was written
 * before; what is left out here is only its row, and the log says how many.
 */
import type { Instant } from '../ambient/clock.ts'
import type { Log } from '../ambient/log.ts'
import { CurfewError } from '../errors.ts'
import type { Store } from '../store/store.ts'
import type { RecordedEvent } from './event.ts'
import { insertEvents } from './insert-events.ts'

/** 500 rows of some 400 bytes a second are 17 GB a day: more than any honest trail, less than a full disk by noon. */
const rowsPerSecondMax = 500
/** One source may use a tenth, so that its noise cannot keep the trail of others out. */
export const rowsPerSourceAndSecondMax = 50
/** Some seconds of a database that is away. */
const waitingCountMax = 2000
const batchCountMax = 100

export interface EventBacklog {
  /** Resolves when the row is durable or given up; never rejects. */
  add(event: RecordedEvent): Promise<void>
  /**
   * For an answer that must not leave before its row is durable. No rate bounds it: who asks has been accepted.
   * @throws CURFEW_STORE_UNAVAILABLE when the row was not written, or too many wait
   */
  addForAnswer(event: RecordedEvent): Promise<void>
}

const backlogs = new WeakMap<Store, EventBacklog>()

/** The one backlog of a store: the bounds hold for the process, whoever records. */
export function backlogOf(store: Store, log: Log): EventBacklog {
  const known = backlogs.get(store)
  if (known) return known
  const made = createEventBacklog(store, log)
  backlogs.set(store, made)
  return made
}

function createEventBacklog(store: Pick<Store, 'transact'>, log: Log): EventBacklog {
  const isWithinRate = createRateBound()
  let waiting: { event: RecordedEvent; done: (error?: unknown) => void }[] = []
  let isWriting = false
  let droppedCount = 0

  async function writeAll(): Promise<void> {
    while (waiting.length > 0) {
      const batch = waiting.slice(0, batchCountMax)
      waiting = waiting.slice(batchCountMax)
      let failure: unknown
      try {
        await store.transact((tx) =>
          insertEvents(
            tx,
            batch.map(({ event }) => event),
          ),
        )
      } catch (error) {
        failure = error
        log.write('error', 'event.rows_lost', { count: batch.length, error: String(error) })
      }
      for (const { done } of batch) done(failure)
    }
    isWriting = false
    if (droppedCount > 0) log.write('warn', 'event.rows_left_out', { count: droppedCount })
    droppedCount = 0
  }

  function enqueue(event: RecordedEvent, done: (error?: unknown) => void): void {
    waiting.push({ event, done })
    if (isWriting) return
    isWriting = true
    // those of this turn of the event loop are written together
    setImmediate(() => void writeAll())
  }

  return {
    add(event) {
      if (waiting.length >= waitingCountMax || !isWithinRate(event.ipAddress ?? '', event.at)) {
        droppedCount += 1
        return Promise.resolve()
      }
      return new Promise((done) => enqueue(event, () => done()))
    },
    addForAnswer(event) {
      if (waiting.length >= waitingCountMax) {
        return Promise.reject(
          new CurfewError('CURFEW_STORE_UNAVAILABLE', 'Too many events wait for the database.'),
        )
      }
      return new Promise((resolve, reject) => {
        enqueue(event, (error) => (error === undefined ? resolve() : reject(error)))
      })
    },
  }
}

/** Counts in windows of one second; forgets them at the next, so it holds at most `rowsPerSecondMax` sources. */
function createRateBound(): (source: string, at: Instant) => boolean {
  let second = -1
  let total = 0
  let bySource = new Map<string, number>()
  return (source, at) => {
    if (Math.floor(at / 1000) !== second) {
      second = Math.floor(at / 1000)
      total = 0
      bySource = new Map()
    }
    const count = bySource.get(source) ?? 0
    if (total >= rowsPerSecondMax || count >= rowsPerSourceAndSecondMax) return false
    total += 1
    bySource.set(source, count + 1)
    return true
  }
}
