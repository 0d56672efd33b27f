/** Writes what happened: one row where the realm keeps it, and one log line in any case. */
import type { Instant } from '../ambient/clock.ts'
import type { Log } from '../ambient/log.ts'
import { type Random, randomUuid } from '../ambient/random.ts'
import type { Store, Tx } from '../store/store.ts'
import { isErrorEvent, isSaved, type NewEvent, type RecordedEvent } from './event.ts'
import { backlogOf } from './event-backlog.ts'
import { type EventLineQuotes, eventLine } from './event-line.ts'
import { insertEvents } from './insert-events.ts'

export interface EventDeps {
  readonly random: Random
  readonly log: Log
  /** CURFEW_EVENT_LINE_QUOTES, default `needed`. */
  readonly eventLineQuotes?: EventLineQuotes
  /** Told of every event after its commit, saved or not: metrics. */
  readonly onRecorded?: (event: RecordedEvent) => void
}

/**
 * Records an event in the transaction of the change that it tells of: at most one insert; the line is logged
 * after the commit, so the log never tells of what was rolled back.
 */
export async function recordEvent(deps: EventDeps, tx: Tx, event: NewEvent, at: Instant): Promise<void> {
  const recorded = recordedFrom(deps, event, at)
  tx.afterCommit(() => logEvent(deps, recorded))
  if (isSaved(event.realm, event.type)) await insertEvents(tx, [recorded])
}

/**
 * Records an event that changes nothing, an error above all. It logs the line at once and never rejects: an
 * answer must not fail because its audit row could not be written. Rows are written together, one transaction
 * at a time; beyond the bounds of `event-backlog.ts` the row is left out and the log says how many were.
 * Resolves when the row is durable or given up, so a caller may wait for it or not.
 */
export function recordEventAlone(deps: EventDeps, store: Store, event: NewEvent, at: Instant): Promise<void> {
  const recorded = recordedFrom(deps, event, at)
  logEvent(deps, recorded)
  return isSaved(event.realm, event.type) ? backlogOf(store, deps.log).add(recorded) : Promise.resolve()
}

/**
 * Records an event that an answer waits for, where nothing else is written with it: rows of answers that wait at
 * the same moment share one commit.
 * @throws CURFEW_STORE_UNAVAILABLE when it was not written: nothing was logged
 */
export async function recordEventForAnswer(
  deps: EventDeps,
  store: Store,
  event: NewEvent,
  at: Instant,
): Promise<void> {
  const recorded = recordedFrom(deps, event, at)
  if (isSaved(event.realm, event.type)) await backlogOf(store, deps.log).addForAnswer(recorded)
  logEvent(deps, recorded)
}

function recordedFrom({ random }: EventDeps, { realm, ...event }: NewEvent, at: Instant): RecordedEvent {
  return { ...event, realmId: realm.id, realmName: realm.name, id: randomUuid(random), at }
}

/** KE-32: the line is the message, its fields are members. The session's id stays out of both (KE-33). */
function logEvent({ log, eventLineQuotes, onRecorded }: EventDeps, event: RecordedEvent): void {
  onRecorded?.(event)
  const level = isErrorEvent(event) ? 'warn' : 'info'
  const fields = {
    type: event.type,
    realmId: event.realmId,
    realmName: event.realmName,
    clientId: event.clientId,
    userId: event.accountId,
    ipAddress: event.ipAddress,
    error: event.error,
    details: event.details,
    explanation: event.explanation,
  }
  log.write(level, 'event.recorded', fields, eventLine(event, eventLineQuotes))
}
