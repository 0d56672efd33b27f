/**
 * The metrics of experience.md §5.5, in the form that Prometheus reads. Counters are fed by what `compose` joins
 * to it; gauges are read from the rows when they are asked for, so they are true after a restart as well.
 */
import { collectDefaultMetrics, Registry } from 'prom-client'
import type { Instant } from '../ambient/clock.ts'
import type { Log } from '../ambient/log.ts'
import type { NewDelivery, SettledDelivery } from '../delivery/delivery.ts'
import { isTerminal } from '../delivery/delivery.ts'
import type { DispatcherFacts } from '../delivery/dispatcher.ts'
import { isErrorEvent, type RecordedEvent } from '../event/event.ts'
import type { Store } from '../store/store.ts'
import { addGauges } from './add-gauges.ts'
import { createApplicationLabels } from './application-label.ts'
import { counterOf, histogramOf } from './build-metric.ts'
import { createSignOutSpans } from './sign-out-spans.ts'

export interface Metrics {
  readonly registry: Registry
  countEvent(event: RecordedEvent): void
  countSettled(realm: string, settled: SettledDelivery): void
  /** A delivery whose time was over, or that was withdrawn. */
  countEnded(realm: string, ended: EndedFacts): void
  countSignOut(realm: string, initiator: string): void
  /** Whom a sign-out found, and what it wrote for them. */
  countTelling(realm: string, telling: TellingFacts): void
  countRequest(request: RequestFacts): void
}

export interface EndedFacts {
  readonly deliveryId: string
  readonly signOutId: string
  readonly clientId: string
  readonly channel: string
  readonly state: 'unconfirmed' | 'unreachable' | 'cancelled'
  readonly settledAt: Instant
}

export interface TellingFacts {
  readonly members: readonly { readonly clientId: string }[]
  readonly deliveries: readonly Pick<NewDelivery, 'clientId' | 'channel' | 'initialState'>[]
}

export interface RequestFacts {
  readonly method: string
  readonly status: number
  /** The pattern, not the address: an address may hold ids, and there is no end of them. */
  readonly route: string | undefined
  readonly scheme: string
  readonly durationMs: number
}

export interface MetricsDeps {
  readonly store: Store
  readonly log: Log
  readonly version: string
  now(): Instant
  dispatcherFacts(): DispatcherFacts
  poolCount(): number
}

export function createMetrics(deps: MetricsDeps): Metrics {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  const labelsOf = createApplicationLabels()
  addGauges(deps, registry, labelsOf)
  return { registry, ...deliveryCounters(deps, registry, labelsOf), ...requestCounters(registry) }
}

function deliveryCounters(
  deps: MetricsDeps,
  registry: Registry,
  labelsOf: ReturnType<typeof createApplicationLabels>,
): Pick<Metrics, 'countSettled' | 'countEnded' | 'countSignOut' | 'countTelling'> {
  const signOuts = counterOf(registry, 'curfew_sign_outs_total')
  const unsupported = counterOf(registry, 'curfew_sign_out_unsupported_total')
  const deliveries = counterOf(registry, 'curfew_deliveries_total')
  const attempts = counterOf(registry, 'curfew_delivery_attempts_total')
  const duration = histogramOf(registry, 'curfew_delivery_duration_seconds')
  const spans = createSignOutSpans(deps)
  const signOutDuration = histogramOf(registry, 'curfew_sign_out_duration_seconds', () => spans.look())
  spans.onFinished((realm, seconds) => signOutDuration.observe({ realm }, seconds))
  return {
    countSignOut: (realm, initiator) => signOuts.inc({ realm, initiator }),
    countTelling(realm, { members, deliveries: written }) {
      const told = new Set(written.map(({ clientId }) => clientId))
      for (const { clientId } of members) if (!told.has(clientId)) unsupported.inc(labelsOf(realm, clientId))
      // what only a browser carries has its verdict from the start
      for (const { clientId, channel, initialState: outcome = 'pending' } of written)
        if (isTerminal(outcome)) deliveries.inc({ ...labelsOf(realm, clientId), channel, outcome })
    },
    countEnded(realm, { clientId, channel, state, ...ended }) {
      deliveries.inc({ ...labelsOf(realm, clientId), channel, outcome: state })
      spans.note(realm, ended)
    },
    countSettled(realm, { tried, settlement, settledAt }) {
      const { subject, tried: before, generation } = tried.leased
      const { outcome, reason } = settlement.attempt
      const labels = labelsOf(realm, subject.clientId)
      // a lease that was given back is no try (D5)
      if (outcome !== 'not_sent') attempts.inc({ ...labels, reason: reason ?? reasonWithout(outcome) })
      if (!isTerminal(settlement.state)) return
      const { channel, deliveryId, signOutId } = subject
      deliveries.inc({ ...labels, channel, outcome: settlement.state })
      if (generation === 1) spans.note(realm, { deliveryId, signOutId, settledAt })
      if (settlement.state === 'accepted')
        duration.observe({ realm, channel }, Math.max(0, settledAt - before.createdAt) / 1000)
    },
  }
}

function reasonWithout(outcome: string): string {
  return outcome === 'accepted' ? 'ok' : outcome
}

function requestCounters(registry: Registry): Pick<Metrics, 'countEvent' | 'countRequest'> {
  const signIns = counterOf(registry, 'curfew_sign_ins_total')
  const tokens = counterOf(registry, 'curfew_tokens_issued_total')
  const requests = histogramOf(registry, 'http_server_request_duration_seconds')
  return {
    countEvent(event) {
      const { realmName: realm, type, error, signInMethod: method = 'none' } = event
      const grant = event.details['grant_type']
      if (grant !== undefined && !isErrorEvent(event)) tokens.inc({ realm, grant })
      if (type === 'LOGIN') signIns.inc({ realm, method, outcome: 'ok' })
      if (type === 'LOGIN_ERROR') signIns.inc({ realm, method, outcome: error ?? 'error' })
    },
    countRequest({ method, status, route, scheme, durationMs }) {
      requests.observe(
        {
          http_request_method: method,
          http_response_status_code: status,
          http_route: route ?? '',
          url_scheme: scheme,
        },
        durationMs / 1000,
      )
    },
  }
}
