/**
 * The sender for Keycloak's own adapters: `k_logout` at the admin URL, used where an application has no
 * back-channel address.
 *
 * Invariants
 * - KA-10: always RS256 with a `kid` of the key set, because keycloak-connect verifies nothing else.
 * - KA-11: `id` and `expiration` are fresh for every try.
 * - KA-13: the host that an adapter named never becomes part of the address.
 *
 * @see keycloak-dialect.md §11.2
 */
import type { Clock, Instant } from '../../ambient/clock.ts'
import { type Random, randomId } from '../../ambient/random.ts'
import { signingKeyFor } from '../../key/key.ts'
import type { Realm } from '../../realm/realm.ts'
import { judgeUrl } from '../address-guard.ts'
import { currentAddress } from '../current-address.ts'
import { evidenceOf } from '../evidence-of.ts'
import { createFreshToken, type SignedToken } from '../fresh-token.ts'
import type { OutboundHttp } from '../outbound-http.ts'
import type { DeliverySubject, PreparedMessage, PrepareRefusal, Sender } from '../sender.ts'
import { signCompactJws } from '../sign-compact-jws.ts'
import { buildAdminAction } from './build-admin-action.ts'

export interface KeycloakAdminUrlDeps {
  readonly realms: { byId(id: string): Promise<Realm | undefined> }
  readonly outbound: Pick<OutboundHttp, 'post' | 'policyFor'>
  readonly random: Random
  readonly clock: Clock
  /** The application's own names for its sessions, given at code exchanges (`client_session_state`). */
  adapterSessionsOf(subject: DeliverySubject): Promise<readonly string[]>
}

export function createKeycloakAdminUrlSender(deps: KeycloakAdminUrlDeps): Sender {
  return { channel: 'keycloak-admin-url', prepare: (subject, at) => prepare(deps, subject, at) }
}

/** Reasons: `config.no_channel`, and those of `judgeUrl`. Throws when the realm is gone or has no RS256 key. */
async function prepare(
  deps: KeycloakAdminUrlDeps,
  subject: DeliverySubject,
  at: Instant,
): Promise<PreparedMessage | PrepareRefusal> {
  const realm = await deps.realms.byId(subject.realmId)
  if (!realm) throw new Error(`realm ${subject.realmId} of delivery ${subject.deliveryId} does not exist`)
  const base = currentAddress(realm.clients.get(subject.clientId), subject)
  const [first, ...others] = await deps.adapterSessionsOf(subject)
  if (base === undefined || first === undefined) {
    return { refused: true, kind: 'no_channel', reason: 'config.no_channel', address: subject.address }
  }
  const address = `${base.replace(/\/+$/, '')}/k_logout`
  const scope = { realm: realm.name, clientId: subject.clientId }
  const judged = judgeUrl(address, deps.outbound.policyFor(scope))
  if (!judged.ok) return { refused: true, kind: 'blocked', reason: judged.reason, address }

  const key = signingKeyFor(realm.keys, 'RS256', at)
  if (!key) throw new Error(`realm ${realm.name} has no RS256 key, which Keycloak's adapters need`)
  const sign = async (now: Instant): Promise<SignedToken> => {
    const id = randomId(deps.random)
    const token = await signCompactJws(key, 'JWT', buildAdminAction(subject, [first, ...others], id, now))
    return { token, evidence: evidenceOf(token, { jti: id, kid: key.kid }) }
  }
  const body = await createFreshToken(deps.clock, sign, (token) => token, at)
  const { endpointId } = subject
  const { trustPem } = realm.settings
  return {
    address,
    get evidence() {
      return body.evidence
    },
    send: (signal) =>
      deps.outbound.post(
        { endpointId, url: address, scope, trustPem, contentType: 'text/plain', body },
        signal,
      ),
  }
}
