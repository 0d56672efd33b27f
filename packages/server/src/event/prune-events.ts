/**
 * Retention of the audit trail, and its deletion by an administrator. Deleting events deletes no delivery and
 * no attempt (KE-42). Rows go in batches of a transaction each, so that no sign-out waits behind a large one.
 */
import type { Instant } from '../ambient/clock.ts'
import type { Store, Tx } from '../store/store.ts'

const pruneBatchCountMax = 1000
/** A realm's rows that one call drops; a busy server has the next call at once. */
export const eventsPerCallMax = 100_000
const msPerDay = 24 * 60 * 60 * 1000

/** What retention needs to know of the realm; a `Realm` fits. */
export interface RetentionRealm {
  readonly id: string
  readonly settings: { readonly eventsRetentionDays: number }
  readonly attributes: Readonly<Record<string, string>>
}

type EventTableName = 'event' | 'admin_event'

/**
 * Deletes what is older than the realm keeps: events by `eventsRetentionDays` (0 = for ever), admin events by
 * the realm attribute `adminEventsExpiration` (seconds; absent or 0 = for ever).
 * @returns how many rows went; `rowCountMax` or more says that there may be more
 */
export async function pruneEvents(
  store: Store,
  realm: RetentionRealm,
  at: Instant,
  rowCountMax = eventsPerCallMax,
): Promise<number> {
  const eventDays = realm.settings.eventsRetentionDays
  const adminEventSeconds = Number(realm.attributes['adminEventsExpiration'] ?? 0)
  let count = 0
  if (eventDays > 0)
    count += await deleteBefore(store, 'event', realm.id, at - eventDays * msPerDay, rowCountMax)
  if (adminEventSeconds > 0) {
    count += await deleteBefore(store, 'admin_event', realm.id, at - adminEventSeconds * 1000, rowCountMax)
  }
  return count
}

/** Deletes every event, or every admin event, of a realm up to and with this instant. */
export function clearEvents(
  store: Store,
  table: EventTableName,
  realmId: string,
  at: Instant,
): Promise<number> {
  return deleteBefore(store, table, realmId, at + 1, Number.POSITIVE_INFINITY)
}

async function deleteBefore(
  store: Store,
  table: EventTableName,
  realmId: string,
  before: Instant,
  rowCountMax: number,
): Promise<number> {
  let count = 0
  for (;;) {
    const deleted = await store.transact((tx) => deleteBatch(tx, table, realmId, before))
    count += deleted
    if (deleted < pruneBatchCountMax || count >= rowCountMax) return count
  }
}

async function deleteBatch(tx: Tx, table: EventTableName, realmId: string, before: Instant): Promise<number> {
  const { numDeletedRows } = await tx.db
    .deleteFrom(table)
    .where('seq', 'in', (rows) =>
      rows
        .selectFrom(table)
        .select('seq')
        .where('realm_id', '=', realmId)
        .where('at', '<', before)
        .orderBy('at')
        .limit(pruneBatchCountMax),
    )
    .executeTakeFirst()
  return Number(numDeletedRows)
}
