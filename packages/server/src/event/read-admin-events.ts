/** Reads what administrators did (keycloak-dialect.md KE-42). */
import type { Selectable } from 'kysely'
import type { Instant } from '../ambient/clock.ts'
import type { Queryable } from '../store/store.ts'
import type { AdminEventTable } from '../store/tables.ts'
import type { EventPage } from './read-events.ts'
import type { AdminEvent, RecordedAdminEvent } from './record-admin-event.ts'

export interface AdminEventFilter {
  readonly operationTypes?: readonly string[] | undefined
  readonly resourceTypes?: readonly string[] | undefined
  /** `*` stands for anything, as in Keycloak's form: `users/*`. */
  readonly resourcePath?: string | undefined
  readonly authRealmId?: string | undefined
  readonly authClientId?: string | undefined
  readonly authAccountId?: string | undefined
  readonly authIpAddress?: string | undefined
  /** Inclusive. */
  readonly from?: Instant | undefined
  /** Exclusive. */
  readonly until?: Instant | undefined
}

export async function readAdminEvents(
  on: Queryable,
  realmId: string,
  filter: AdminEventFilter,
  page: EventPage,
): Promise<readonly RecordedAdminEvent[]> {
  let query = on.db.selectFrom('admin_event').selectAll().where('realm_id', '=', realmId)
  if (filter.operationTypes?.length) query = query.where('operation_type', 'in', filter.operationTypes)
  if (filter.resourceTypes?.length) query = query.where('resource_type', 'in', filter.resourceTypes)
  if (filter.resourcePath) query = query.where('resource_path', 'like', likePattern(filter.resourcePath))
  if (filter.authRealmId !== undefined) query = query.where('auth_realm_id', '=', filter.authRealmId)
  if (filter.authClientId !== undefined) query = query.where('auth_client_id', '=', filter.authClientId)
  if (filter.authAccountId !== undefined) query = query.where('auth_account_id', '=', filter.authAccountId)
  if (filter.authIpAddress !== undefined) query = query.where('auth_ip_address', '=', filter.authIpAddress)
  if (filter.from !== undefined) query = query.where('at', '>=', filter.from)
  if (filter.until !== undefined) query = query.where('at', '<', filter.until)
  const rows = await query
    .orderBy('at', page.direction)
    .orderBy('seq', page.direction)
    .offset(page.first)
    .limit(Math.min(page.max, 1000))
    .execute()
  return rows.map(adminEventFromRow)
}

/** Paths hold no `%`; a `_` matches itself and, at worst, one other character. */
function likePattern(path: string): string {
  return path.replaceAll('%', '').replaceAll('*', '%')
}

function adminEventFromRow(row: Selectable<AdminEventTable>): RecordedAdminEvent {
  return {
    id: row.id,
    at: row.at,
    realmId: row.realm_id,
    operationType: row.operation_type as AdminEvent['operationType'],
    resourceType: row.resource_type,
    resourcePath: row.resource_path,
    auth: {
      realmId: row.auth_realm_id,
      clientId: row.auth_client_id ?? undefined,
      accountId: row.auth_account_id ?? undefined,
      ipAddress: row.auth_ip_address ?? undefined,
    },
    representation: row.representation ?? undefined,
    error: row.error ?? undefined,
    details: JSON.parse(row.details) as Record<string, string>,
  }
}
