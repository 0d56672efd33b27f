/**
 * The metrics of experience.md §5.5, in the form that Prometheus reads. Counters are fed by what `compose` joins
 * to it; gauges are read from the rows when they are asked for, so they are true after a restart as well.
 */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import type { Instant } from '../ambient/clock.ts'
import type { SettledDelivery } from '../delivery/delivery.ts'
import { isTerminal } from '../delivery/delivery.ts'
import { type EndpointMetrics, readDeliveryMetrics } from '../delivery/delivery-metrics.ts'
import type { DispatcherFacts } from '../delivery/dispatcher.ts'
import type { RecordedEvent } from '../event/event.ts'
import type { Store } from '../store/store.ts'
import { readSessionCounts } from './read-session-counts.ts'

export interface Metrics {
  readonly registry: Registry
  countEvent(event: RecordedEvent): void
  countSettled(settled: SettledDelivery): void
  countSignOut(realm: string, initiator: string): void
}

export interface MetricsDeps {
  readonly store: Store
  readonly version: string
  now(): Instant
  dispatcherFacts(): DispatcherFacts
  poolCount(): number
  /** Realm names by id; unknown ids are shown as they are. */
  realmName(realmId: string): string
}

/** Label values beyond this are `_other`: a metric must not grow with what registers itself. */
const applicationCountMax = 500
const secondsBuckets = [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60, 600, 3600, 86_400]

export function createMetrics(deps: MetricsDeps): Metrics {
  const registry = new Registry()
  const registers = [registry]
  collectDefaultMetrics({ register: registry })
  const applicationOf = boundedLabel()
  const labels = ['realm', 'application'] as const
  const signOuts = new Counter({
    name: 'curfew_sign_outs_total',
    help: 'Sign-outs decided',
    labelNames: ['realm', 'initiator'],
    registers,
  })
  const deliveries = new Counter({
    name: 'curfew_deliveries_total',
    help: 'Deliveries that reached a verdict',
    labelNames: [...labels, 'channel', 'outcome'],
    registers,
  })
  const attempts = new Counter({
    name: 'curfew_delivery_attempts_total',
    help: 'Attempts to tell an application; reason is ok or a code of docs/reasons.md',
    labelNames: [...labels, 'reason'],
    registers,
  })
  const duration = new Histogram({
    name: 'curfew_delivery_duration_seconds',
    help: 'Time from the commit of a sign-out to the accepting answer of an application',
    labelNames: ['realm', 'channel'],
    buckets: secondsBuckets,
    registers,
  })
  const signIns = new Counter({
    name: 'curfew_sign_ins_total',
    help: 'Sign-ins',
    labelNames: ['realm', 'outcome'],
    registers,
  })
  const tokens = new Counter({
    name: 'curfew_tokens_issued_total',
    help: 'Token responses',
    labelNames: ['realm', 'grant'],
    registers,
  })
  addGauges(deps, registry, applicationOf)
  return {
    registry,
    countSignOut: (realm, initiator) => signOuts.inc({ realm, initiator }),
    countEvent(event) {
      const grant = grants[event.type]
      if (grant) tokens.inc({ realm: event.realmName, grant })
      if (event.type === 'LOGIN') signIns.inc({ realm: event.realmName, outcome: 'ok' })
      if (event.type === 'LOGIN_ERROR')
        signIns.inc({ realm: event.realmName, outcome: event.error ?? 'error' })
    },
    countSettled({ tried, settlement, settledAt }) {
      const { subject } = tried.leased
      const realm = deps.realmName(subject.realmId)
      const application = applicationOf(subject.clientId)
      attempts.inc({ realm, application, reason: settlement.reason ?? 'ok' })
      if (!isTerminal(settlement.state)) return
      deliveries.inc({ realm, application, channel: subject.channel, outcome: settlement.state })
      if (settlement.state !== 'accepted') return
      duration.observe(
        { realm, channel: subject.channel },
        Math.max(0, settledAt - tried.leased.tried.createdAt) / 1000,
      )
    },
  }
}

const grants: Readonly<Record<string, string>> = {
  CODE_TO_TOKEN: 'authorization_code',
  REFRESH_TOKEN: 'refresh_token',
  CLIENT_LOGIN: 'client_credentials',
}

function boundedLabel(): (value: string) => string {
  const seen = new Set<string>()
  return (value) => {
    if (seen.has(value)) return value
    if (seen.size >= applicationCountMax) return '_other'
    seen.add(value)
    return value
  }
}

function addGauges(deps: MetricsDeps, registry: Registry, applicationOf: (value: string) => string): void {
  const registers = [registry]
  new Gauge({
    name: 'curfew_build_info',
    help: 'Version of this process',
    labelNames: ['version'],
    registers,
  }).set({ version: deps.version }, 1)
  const readOnce = sharedRead(() => readDeliveryMetrics(deps.store.read, deps.now()))
  const labelOf = (one: EndpointMetrics) => ({
    realm: deps.realmName(one.realmId),
    application: applicationOf(one.clientId),
  })
  new Gauge({
    name: 'curfew_deliveries_pending',
    help: 'Deliveries that wait for a try',
    labelNames: ['realm', 'application'],
    registers,
    async collect() {
      const { endpoints } = await readOnce()
      this.reset()
      for (const one of endpoints) this.inc(labelOf(one), one.pendingCount)
    },
  })
  new Gauge({
    name: 'curfew_endpoint_paused',
    help: '1 while the breaker of an address is open',
    labelNames: ['realm', 'application'],
    registers,
    async collect() {
      const { endpoints } = await readOnce()
      this.reset()
      for (const one of endpoints) this.set(labelOf(one), one.isPaused ? 1 : 0)
    },
  })
  new Gauge({
    name: 'curfew_delivery_oldest_pending_seconds',
    help: 'Age of the oldest delivery that waits',
    labelNames: ['realm'],
    registers,
    async collect() {
      const { oldestPending } = await readOnce()
      this.reset()
      for (const { realmId, ageSeconds } of oldestPending)
        this.set({ realm: deps.realmName(realmId) }, ageSeconds)
    },
  })
  new Gauge({
    name: 'curfew_sessions_active',
    help: 'Sessions that are signed in',
    labelNames: ['realm'],
    registers,
    async collect() {
      this.reset()
      for (const { realmId, count } of await readSessionCounts(deps.store.read))
        this.set({ realm: deps.realmName(realmId) }, count)
    },
  })
  addProcessFacts(deps, registers)
}

/** All gauges are collected side by side: one that is filled by another's read would show what was true a scrape ago. */
function sharedRead<T>(read: () => Promise<T>): () => Promise<T> {
  let reading: Promise<T> | undefined
  return () => {
    reading ??= read().finally(() => {
      reading = undefined
    })
    return reading
  }
}

/** Facts of this process that only grow are counters in meaning; they are read, not counted twice. */
function addProcessFacts(deps: MetricsDeps, registers: Registry[]): void {
  const facts: readonly (readonly [name: string, help: string, read: () => number])[] = [
    [
      'curfew_delivery_lease_expiries_total',
      'Leases that ran out and were taken over',
      () => deps.dispatcherFacts().leaseExpiryCount,
    ],
    [
      'curfew_delivery_fence_rejections_total',
      'Outcomes refused because another holder was newer',
      () => deps.dispatcherFacts().fenceRefusalCount,
    ],
    [
      'curfew_deliveries_in_flight',
      'Tries under way in this process',
      () => deps.dispatcherFacts().inFlightCount,
    ],
    ['curfew_outbound_pools', 'Connection pools that are open', () => deps.poolCount()],
  ]
  for (const [name, help, read] of facts) {
    new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(read())
      },
    })
  }
}
