/** Events as Keycloak's JSON (keycloak-dialect.md KE-01, KE-40). */
import type { RecordedEvent } from '../event/event.ts'
import type { RecordedAdminEvent } from '../event/record-admin-event.ts'

/** Absent members are left out, as Keycloak does. */
export function eventWire(event: RecordedEvent) {
  return {
    id: event.id,
    time: event.at,
    type: event.type,
    realmId: event.realmId,
    realmName: event.realmName,
    clientId: event.clientId,
    userId: event.accountId,
    sessionId: event.sessionUid,
    ipAddress: event.ipAddress,
    error: event.error,
    details:
      event.explanation === undefined ? event.details : { ...event.details, explanation: event.explanation },
  }
}

/** `realmNames` by realm id, for the administrator's realm and the changed one. */
export function adminEventWire(event: RecordedAdminEvent, realmNames: ReadonlyMap<string, string>) {
  const { auth } = event
  return {
    id: event.id,
    time: event.at,
    realmId: event.realmId,
    realmName: realmNames.get(event.realmId),
    authDetails: {
      realmId: auth.realmId,
      realmName: realmNames.get(auth.realmId),
      clientId: auth.clientId,
      userId: auth.accountId,
      ipAddress: auth.ipAddress,
    },
    operationType: event.operationType,
    resourceType: event.resourceType,
    resourcePath: event.resourcePath,
    representation: event.representation,
    error: event.error,
    details: event.details,
  }
}
