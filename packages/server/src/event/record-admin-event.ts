/** Writes what an administrator did (keycloak-dialect.md §18.3, KE-40). */
import type { Instant } from '../ambient/clock.ts'
import { randomUuid } from '../ambient/random.ts'
import type { Tx } from '../store/store.ts'
import { lineOfFields } from './event-line.ts'
import { storable } from './insert-events.ts'
import type { EventDeps } from './record-event.ts'

export interface AdminEvent {
  /** The realm that was changed; a `Realm` fits. */
  readonly realm: { readonly id: string; readonly settings: { readonly adminEventsEnabled: boolean } }
  readonly operationType: 'CREATE' | 'UPDATE' | 'DELETE' | 'ACTION'
  /** Keycloak's word: `USER`, `USER_SESSION`, `REALM`, `CLIENT`, …; ours: `SIGN_OUT`, `DELIVERY`. */
  readonly resourceType: string
  /** Below the realm: `users/{id}/logout`. */
  readonly resourcePath: string
  readonly auth: {
    readonly realmId: string
    readonly clientId: string | undefined
    readonly accountId: string | undefined
    readonly ipAddress: string | undefined
  }
  /** What was sent, without secrets. Left out unless the realm keeps representations (`adminEventsDetailsEnabled`). */
  readonly representation?: unknown
  readonly details?: Readonly<Record<string, string>>
}

/** An admin event as stored. */
export interface RecordedAdminEvent extends Omit<AdminEvent, 'realm' | 'representation' | 'details'> {
  readonly id: string
  readonly at: Instant
  readonly realmId: string
  readonly representation: string | undefined
  readonly error: string | undefined
  readonly details: Readonly<Record<string, string>>
}

/** Longer representations are left out of the row whole: half a JSON text helps nobody. */
const representationLengthMax = 20_000

/**
 * Records an administrator's act in the transaction of its change: at most one insert (when the realm keeps
 * admin events), and one line after the commit.
 */
export async function recordAdminEvent(
  deps: EventDeps,
  tx: Tx,
  event: AdminEvent,
  at: Instant,
): Promise<void> {
  tx.afterCommit(() => logAdminEvent(deps, event))
  if (!event.realm.settings.adminEventsEnabled) return
  const representation = event.representation === undefined ? undefined : JSON.stringify(event.representation)
  await tx.db
    .insertInto('admin_event')
    .values({
      id: randomUuid(deps.random),
      realm_id: event.realm.id,
      at,
      operation_type: event.operationType,
      resource_type: event.resourceType,
      resource_path: event.resourcePath.slice(0, 2000),
      auth_realm_id: event.auth.realmId,
      auth_client_id: event.auth.clientId ?? null,
      auth_account_id: event.auth.accountId ?? null,
      auth_ip_address: event.auth.ipAddress ?? null,
      representation:
        representation && representation.length <= representationLengthMax ? representation : null,
      error: null,
      details: JSON.stringify(storable(event.details ?? {})),
    })
    .execute()
}

/** Keycloak's line for admin events: its `realmId` is the realm of the administrator, the path is below the realm changed. */
function logAdminEvent({ log, eventLineQuotes }: EventDeps, event: AdminEvent): void {
  const line = lineOfFields(
    [
      ['operationType', event.operationType],
      ['realmId', event.auth.realmId],
      ['clientId', event.auth.clientId],
      ['userId', event.auth.accountId],
      ['ipAddress', event.auth.ipAddress],
      ['resourceType', event.resourceType],
      ['resourcePath', event.resourcePath],
      ['targetRealmId', event.realm.id],
    ],
    eventLineQuotes ?? 'needed',
  )
  const { operationType, resourceType, resourcePath, auth, details } = event
  const fields = {
    operationType,
    resourceType,
    resourcePath,
    realmId: event.realm.id,
    authDetails: auth,
    details,
  }
  log.write('info', 'event.admin', fields, line)
}
