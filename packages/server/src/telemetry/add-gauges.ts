/** What is read from the rows, and from this process, when the metrics are asked for. */
import type { Registry } from 'prom-client'
import { type EndpointMetrics, readDeliveryMetrics } from '../delivery/delivery-metrics.ts'
import type { createApplicationLabels } from './application-label.ts'
import { counterOf, gaugeOf } from './build-metric.ts'
import type { MetricsDeps } from './metrics.ts'
import { readSessionCounts } from './read-session-counts.ts'

export function addGauges(
  deps: MetricsDeps,
  registry: Registry,
  labelsOf: ReturnType<typeof createApplicationLabels>,
): void {
  gaugeOf(registry, 'curfew_build_info').set({ version: deps.version }, 1)
  gaugeOf(registry, 'curfew_sessions_active', async function () {
    this.reset()
    for (const { realm, count } of await readSessionCounts(deps.store.read)) this.set({ realm }, count)
  })
  addDeliveryGauges(deps, registry, labelsOf)
  addProcessFacts(deps, registry)
}

const byApplication = [
  ['curfew_deliveries_pending', (known, one) => known + one.pendingCount],
  ['curfew_deliveries_untold', (known, one) => known + one.untoldCount],
  ['curfew_endpoint_paused', (known, one) => Math.max(known, one.isPaused ? 1 : 0)],
] as const satisfies readonly (readonly [
  name: string,
  join: (known: number, one: EndpointMetrics) => number,
])[]

function addDeliveryGauges(
  deps: MetricsDeps,
  registry: Registry,
  labelsOf: ReturnType<typeof createApplicationLabels>,
): void {
  const read = joined(() => readDeliveryMetrics(deps.store.read, deps.now()))
  for (const [name, join] of byApplication) {
    gaugeOf(registry, name, async function () {
      const { endpoints } = await read()
      const values = new Map<string, number>()
      this.reset()
      for (const one of endpoints) {
        const label = labelsOf(one.realmName, one.clientId)
        const key = JSON.stringify(label)
        values.set(key, join(values.get(key) ?? 0, one))
        this.set(label, values.get(key) ?? 0)
      }
    })
  }
  gaugeOf(registry, 'curfew_delivery_oldest_pending_seconds', async function () {
    const { oldestPending } = await read()
    this.reset()
    for (const { realmName: realm, ageSeconds } of oldestPending) this.set({ realm }, ageSeconds)
  })
}

/** Gauges are asked side by side and none waits for another; those of one scrape share one reading. */
function joined<T>(read: () => Promise<T>): () => Promise<T> {
  let underWay: Promise<T> | undefined
  return () => {
    underWay ??= read().finally(() => (underWay = undefined))
    return underWay
  }
}

/** Facts that others count; they are read, not counted twice. */
function addProcessFacts({ dispatcherFacts, poolCount }: MetricsDeps, registry: Registry): void {
  counterOf(registry, 'curfew_delivery_lease_expiries_total', function () {
    this.reset()
    this.inc(dispatcherFacts().leaseExpiryCount)
  })
  counterOf(registry, 'curfew_delivery_fence_rejections_total', function () {
    this.reset()
    this.inc(dispatcherFacts().fenceRefusalCount)
  })
  gaugeOf(registry, 'curfew_deliveries_in_flight', function () {
    this.set(dispatcherFacts().inFlightCount)
  })
  gaugeOf(registry, 'curfew_outbound_pools', function () {
    this.set(poolCount())
  })
}
