/** Joins what happens to what is counted. */
import type { Ambient } from '../ambient/ambient.ts'
import type { Settings } from '../config/schema.ts'
import type { Dispatcher, DispatcherFacts } from '../delivery/dispatcher.ts'
import type { EventDeps } from '../event/record-event.ts'
import type { SignOutDeps } from '../sign-out/sign-out.ts'
import type { Store } from '../store/store.ts'
import { createMetrics, type Metrics } from '../telemetry/metrics.ts'
import { version } from './version.ts'

export interface ComposedTelemetry {
  readonly metrics: Metrics
  readonly onSignOut: NonNullable<SignOutDeps['onSignOut']>
  readonly events: EventDeps
  /** The dispatcher is built after the events that it reports with. */
  joinDispatcher(dispatcher: Pick<Dispatcher, 'facts'>): void
}

export function composeTelemetry(
  parts: { readonly store: Store; readonly ambient: Ambient; readonly poolCount: () => number },
  settings: Settings,
): ComposedTelemetry {
  const { store, ambient, poolCount } = parts
  // an event names its realm; the name is kept for rows that have only the id
  const realmNames = new Map<string, string>()
  let readFacts = (): DispatcherFacts => ({ inFlightCount: 0, leaseExpiryCount: 0, fenceRefusalCount: 0 })
  const metrics = createMetrics({
    store,
    version,
    now: () => ambient.clock.now(),
    dispatcherFacts: () => readFacts(),
    poolCount,
    realmName: (id) => realmNames.get(id) ?? id,
  })
  return {
    metrics,
    onSignOut: (realm, { initiator }) => metrics.countSignOut(realm.name, initiator),
    events: {
      ...ambient,
      eventLineQuotes: settings.event_line_quotes,
      onRecorded(event) {
        realmNames.set(event.realmId, event.realmName)
        metrics.countEvent(event)
      },
    },
    joinDispatcher(dispatcher) {
      readFacts = () => dispatcher.facts()
    },
  }
}
