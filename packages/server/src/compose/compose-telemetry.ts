/** Joins what happens to what is counted. */
import type { Ambient } from '../ambient/ambient.ts'
import type { Settings } from '../config/schema.ts'
import type { Dispatcher, DispatcherFacts } from '../delivery/dispatcher.ts'
import type { EventDeps } from '../event/record-event.ts'
import type { SignOutListeners } from '../sign-out/closing.ts'
import type { Store } from '../store/store.ts'
import { createMetrics, type Metrics } from '../telemetry/metrics.ts'
import { version } from './version.ts'

export interface ComposedTelemetry {
  readonly metrics: Metrics
  readonly listeners: Required<SignOutListeners>
  readonly events: EventDeps
  /** The dispatcher is built after the events that it reports with. */
  joinDispatcher(dispatcher: Pick<Dispatcher, 'facts'>): void
}

export function composeTelemetry(
  parts: { readonly store: Store; readonly ambient: Ambient; readonly poolCount: () => number },
  settings: Settings,
): ComposedTelemetry {
  const { store, ambient, poolCount } = parts
  let readFacts = (): DispatcherFacts => ({ inFlightCount: 0, leaseExpiryCount: 0, fenceRefusalCount: 0 })
  const metrics = createMetrics({
    store,
    log: ambient.log,
    version,
    now: () => ambient.clock.now(),
    dispatcherFacts: () => readFacts(),
    poolCount,
  })
  return {
    metrics,
    listeners: {
      onSignOut: (realm, { initiator }) => metrics.countSignOut(realm.name, initiator),
      onTelling: (realm, telling) => metrics.countTelling(realm.name, telling),
    },
    events: {
      ...ambient,
      eventLineQuotes: settings.event_line_quotes,
      onRecorded: metrics.countEvent,
    },
    joinDispatcher(dispatcher) {
      readFacts = () => dispatcher.facts()
    },
  }
}
