/** Inserts rows of the audit trail. */
import type { Insertable } from 'kysely'
import { compiledStatement } from '../store/compiled-query.ts'
import type { Tx } from '../store/store.ts'
import type { EventTable } from '../store/tables.ts'
import type { RecordedEvent } from './event.ts'

type EventRow = Insertable<Omit<EventTable, 'seq'>>

/** The usual case, with every token request. */
const insertOne = compiledStatement<EventRow>(
  {
    id: '',
    realm_id: '',
    at: 0,
    type: '',
    client_id: '',
    account_id: '',
    session_uid: '',
    ip_address: '',
    error: '',
    details: '',
  },
  (db, row) => db.insertInto('event').values(row),
)

/** Longer detail values are cut: a hostile parameter must not become a megabyte of audit trail. */
export const detailLengthMax = 2000

/** One statement; at most 100 rows, so that the bound parameters stay far below both databases' limits. */
export async function insertEvents(tx: Tx, events: readonly RecordedEvent[]): Promise<void> {
  const [only, ...others] = events
  if (only && others.length === 0) await insertOne(tx, rowFrom(only))
  else await tx.db.insertInto('event').values(events.map(rowFrom)).execute()
}

function rowFrom(event: RecordedEvent): EventRow {
  return {
    id: event.id,
    realm_id: event.realmId,
    at: event.at,
    type: event.type,
    client_id: storableOrNull(event.clientId),
    account_id: storableOrNull(event.accountId),
    session_uid: storableOrNull(event.sessionUid),
    ip_address: storableOrNull(event.ipAddress),
    error: storableOrNull(event.error),
    details: JSON.stringify(storable(detailsOf(event))),
  }
}

/** As Keycloak shows it, the explanation is one of the details (KE-05, KE-10). */
function detailsOf({ details, explanation }: RecordedEvent): Readonly<Record<string, string>> {
  return explanation === undefined ? details : { ...details, explanation }
}

export function storable(details: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(details).map(([name, value]) => [name, storableValue(value)]))
}

function storableOrNull(value: string | undefined): string | null {
  return value === undefined ? null : storableValue(value)
}

/** Cut, and without what PostgreSQL's text refuses and no honest value holds: U+0000 and halves of a surrogate pair. */
function storableValue(value: string): string {
  const short = value.length > detailLengthMax ? `${value.slice(0, detailLengthMax)}…` : value
  return short.replaceAll('\0', '�').toWellFormed()
}
