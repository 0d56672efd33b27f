/** Inserts rows of the audit trail. */
import type { Tx } from '../store/store.ts'
import type { RecordedEvent } from './event.ts'

/** Longer detail values are cut: a hostile parameter must not become a megabyte of audit trail. */
export const detailLengthMax = 2000

/** One statement; at most 100 rows, so that the bound parameters stay far below both databases' limits. */
export async function insertEvents(tx: Tx, events: readonly RecordedEvent[]): Promise<void> {
  await tx.db.insertInto('event').values(events.map(rowFrom)).execute()
}

function rowFrom(event: RecordedEvent) {
  return {
    id: event.id,
    realm_id: event.realmId,
    at: event.at,
    type: event.type,
    client_id: cut(event.clientId),
    account_id: cut(event.accountId),
    session_uid: cut(event.sessionUid),
    ip_address: cut(event.ipAddress),
    error: cut(event.error),
    details: JSON.stringify(detailsOf(event)),
  }
}

/** As Keycloak shows it, the explanation is one of the details (KE-05, KE-10). */
function detailsOf({ details, explanation }: RecordedEvent): Record<string, string | null> {
  const all = explanation === undefined ? details : { ...details, explanation }
  return Object.fromEntries(Object.entries(all).map(([name, value]) => [name, cut(value)]))
}

/** Also without U+0000, which PostgreSQL's text refuses and which no honest value holds. */
function cut(value: string | undefined): string | null {
  if (value === undefined) return null
  const short = value.length > detailLengthMax ? `${value.slice(0, detailLengthMax)}…` : value
  return short.replaceAll('\0', '�').toWellFormed()
}
