/** Reads the audit trail, newest first unless asked otherwise (keycloak-dialect.md KE-42). */
import type { Selectable } from 'kysely'
import type { Instant } from '../ambient/clock.ts'
import type { Queryable } from '../store/store.ts'
import type { EventTable } from '../store/tables.ts'
import type { RecordedEvent, UserEvent } from './event.ts'

/** A page of a list: how many to skip, how many to give (at most 1000), and the direction of time. */
export interface EventPage {
  readonly first: number
  readonly max: number
  readonly direction: 'asc' | 'desc'
}

export interface EventFilter {
  readonly types?: readonly string[] | undefined
  readonly clientId?: string | undefined
  readonly accountId?: string | undefined
  readonly sessionUid?: string | undefined
  readonly ipAddress?: string | undefined
  /** Inclusive. */
  readonly from?: Instant | undefined
  /** Exclusive. */
  readonly until?: Instant | undefined
}

export async function readEvents(
  on: Queryable,
  realm: { readonly id: string; readonly name: string },
  filter: EventFilter,
  page: EventPage,
): Promise<readonly RecordedEvent[]> {
  let query = on.db.selectFrom('event').selectAll().where('realm_id', '=', realm.id)
  if (filter.types?.length) query = query.where('type', 'in', filter.types)
  if (filter.clientId !== undefined) query = query.where('client_id', '=', filter.clientId)
  if (filter.accountId !== undefined) query = query.where('account_id', '=', filter.accountId)
  if (filter.sessionUid !== undefined) query = query.where('session_uid', '=', filter.sessionUid)
  if (filter.ipAddress !== undefined) query = query.where('ip_address', '=', filter.ipAddress)
  if (filter.from !== undefined) query = query.where('at', '>=', filter.from)
  if (filter.until !== undefined) query = query.where('at', '<', filter.until)
  const rows = await query
    .orderBy('at', page.direction)
    .orderBy('seq', page.direction)
    .offset(page.first)
    .limit(Math.min(page.max, 1000))
    .execute()
  return rows.map((row) => eventFromRow(row, realm.name))
}

function eventFromRow(row: Selectable<EventTable>, realmName: string): RecordedEvent {
  const { explanation, ...details } = JSON.parse(row.details) as Record<string, string>
  return {
    id: row.id,
    at: row.at,
    type: row.type as UserEvent['type'],
    realmId: row.realm_id,
    realmName,
    clientId: row.client_id ?? undefined,
    accountId: row.account_id ?? undefined,
    sessionUid: row.session_uid ?? undefined,
    ipAddress: row.ip_address ?? undefined,
    ...(row.error === null ? {} : { error: row.error }),
    details,
    ...(explanation === undefined ? {} : { explanation }),
  }
}
