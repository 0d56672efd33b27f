/**
 * The message that Keycloak's own adapters understand: "end these sessions of yours".
 *
 * @see keycloak-dialect.md §11.2, KA-01
 */
import { type Instant, toNumericDate } from '../../ambient/clock.ts'
import type { DeliverySubject } from '../sender.ts'

/** Keycloak's adapters refuse a message that is older. */
export const adminActionLifetimeSeconds = 30

export interface AdminActionWire {
  readonly id: string
  readonly expiration: number
  readonly resource: string
  readonly action: 'LOGOUT'
  readonly adapterSessionIds: readonly string[]
  readonly notBefore: number
  readonly keycloakSessionIds: readonly [string]
}

/**
 * The action for one session of ours. The list of adapter sessions is never empty, which adapters answer with ok and do
 * nothing for, and never left out, which would sign out everybody of that client (KA-12).
 */
export function buildAdminAction(
  subject: Pick<DeliverySubject, 'clientId' | 'sid'>,
  adapterSessionIds: readonly [string, ...string[]],
  id: string,
  at: Instant,
): AdminActionWire {
  return {
    id,
    expiration: toNumericDate(at) + adminActionLifetimeSeconds,
    resource: subject.clientId,
    action: 'LOGOUT',
    adapterSessionIds,
    notBefore: 0,
    keycloakSessionIds: [subject.sid],
  }
}
