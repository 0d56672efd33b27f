/** Joins the outbox to its senders, its metrics and its events. */
import { cpus } from 'node:os'
import type { Ambient } from '../ambient/ambient.ts'
import type { Instant } from '../ambient/clock.ts'
import type { Settings } from '../config/schema.ts'
import { defaultDeliverySettings } from '../delivery/delivery.ts'
import { Dispatcher } from '../delivery/dispatcher.ts'
import { createSignOutFeed, type SignOutFeed } from '../delivery/feed.ts'
import { type BlockedApplication, renewAllowed } from '../delivery/renew-allowed.ts'
import type { NewEvent } from '../event/event.ts'
import { type EventDeps, recordEventAlone } from '../event/record-event.ts'
import type { Realm, Realms } from '../realm/realm.ts'
import type { Channel } from '../rp/client.ts'
import { currentAddress } from '../sender/current-address.ts'
import { createKeycloakAdminUrlSender } from '../sender/keycloak-admin-url/keycloak-admin-url.ts'
import { createOidcBackchannelSender } from '../sender/oidc-back-channel/oidc-back-channel.ts'
import type { OutboundHttp } from '../sender/outbound-http.ts'
import type { DeliverySubject, Sender } from '../sender/sender.ts'
import { adapterSessionsOf } from '../session/adapter-sessions.ts'
import { findClientSession } from '../session/find-client-session.ts'
import type { Store } from '../store/store.ts'
import type { WorkerName } from '../store/worker-name.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import { deliveryEvent, endedDeliveryEvent } from './delivery-event.ts'

export interface DeliveryParts {
  readonly store: Store
  readonly realms: Realms
  readonly ambient: Ambient
  readonly worker: WorkerName
  readonly outbound: OutboundHttp
  readonly events: EventDeps
  readonly metrics: Pick<Metrics, 'countSettled' | 'countEnded'>
}

export interface ComposedDelivery {
  readonly dispatcher: Dispatcher
  readonly feed: SignOutFeed
  /** Tries again what the policy of an earlier start had blocked and that of this one allows (D7). */
  renewAllowed(): Promise<number>
}

export function composeDelivery(parts: DeliveryParts, settings: Settings): ComposedDelivery {
  const { store, ambient, realms, outbound } = parts
  const namedBy = async (subject: DeliverySubject): Promise<readonly string[]> => {
    const clientSession = await findClientSession(store.read, subject)
    return clientSession ? adapterSessionsOf(clientSession, subject.sid) : []
  }
  const senders: readonly Sender[] = [
    createOidcBackchannelSender({ realms, outbound, ...ambient }),
    createKeycloakAdminUrlSender({ realms, outbound, ...ambient, adapterSessionsOf: namedBy }),
  ]
  const dispatcher = new Dispatcher({
    store,
    ambient,
    senders: new Map<Channel, Sender>(senders.map((sender) => [sender.channel, sender])),
    settings: {
      ...defaultDeliverySettings,
      slotCount: settings['delivery.slot_count'],
      leasedPerEndpointMax: settings['delivery.leased_count_max'],
      ratePerEndpoint: settings['delivery.rate_per_second_max'],
    },
    owner: parts.worker.name,
    onSettled(settled) {
      const { realmId } = settled.tried.leased.subject
      void recordVerdict(parts, realmId, settled.settledAt, {
        count: (realmName) => parts.metrics.countSettled(realmName, settled),
        event: (realm) => deliveryEvent(realm, settled),
      })
    },
    onEnded(ended) {
      void recordVerdict(parts, ended.realmId, ended.settledAt, {
        count: (realmName) => parts.metrics.countEnded(realmName, ended),
        event: (realm) => endedDeliveryEvent(realm, ended),
      })
    },
  })
  const isAllowed = (application: BlockedApplication): Promise<boolean> => isAllowedNow(parts, application)
  return {
    dispatcher,
    feed: createSignOutFeed({ store, ...ambient }),
    renewAllowed: () => renewAllowed({ ...ambient, store, isAllowed }),
  }
}

async function isAllowedNow(
  { realms, outbound }: DeliveryParts,
  { realmId, clientId, ...registered }: BlockedApplication,
): Promise<boolean> {
  const realm = await realms.byId(realmId)
  const address = realm && currentAddress(realm.clients.get(clientId), registered)
  return address !== undefined && !(await outbound.check(address, { realm: realm?.name ?? '', clientId }))
}

interface VerdictReport {
  /** By the realm's name, or by its id where the realm is gone. */
  readonly count: (realmName: string) => void
  readonly event: (realm: Realm) => NewEvent | undefined
}

/**
 * KE-06: an event when a delivery reaches its verdict; the rows are the record, the event is for listeners and
 * lines, so a database that is away costs the event, and the count where the realm is not in memory.
 */
async function recordVerdict(
  { realms, events, store }: DeliveryParts,
  realmId: string,
  at: Instant,
  report: VerdictReport,
): Promise<void> {
  try {
    const realm = await realms.byId(realmId)
    report.count(realm?.name ?? realmId)
    const event = realm && report.event(realm)
    if (event) await recordEventAlone(events, store, event, at)
  } catch (error) {
    events.log.write('warn', 'delivery.event_lost', {
      error: error instanceof Error ? error.message : String(error),
    })
  }
}

/** Password work runs beside requests on all cores. */
export function coreCount(): number {
  return Math.max(1, cpus().length)
}
