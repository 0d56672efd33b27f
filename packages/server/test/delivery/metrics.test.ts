import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemAmbient } from '../../src/ambient/ambient.ts'
import { endAtHorizon } from '../../src/delivery/end-at-horizon.ts'
import type { Store } from '../../src/store/store.ts'
import { createMetrics, type Metrics } from '../../src/telemetry/metrics.ts'
import { forEachDatabase } from '../support/database.ts'
import { answered, noAnswer } from '../support/delivery-facts.ts'
import { claimAt, givenSignOut, settleAs } from '../support/outbox.ts'

const at = Date.UTC(2026, 10, 22, 10, 42)

function metricsOf(store: Store, now: number): Metrics {
  return createMetrics({
    store,
    log: systemAmbient().log,
    version: '1',
    now: () => now,
    dispatcherFacts: () => ({ inFlightCount: 0, leaseExpiryCount: 2, fenceRefusalCount: 3 }),
    poolCount: () => 0,
  })
}

async function settleAndCount(
  store: Store,
  clientId: string,
  metrics: Metrics,
  settledAt: number,
): Promise<void> {
  const { leased } = await claimAt(store, [clientId], at)
  const { stored } = await settleAs(store, leased, answered(200), settledAt)
  for (const settled of stored) metrics.countSettled('demo', settled)
}

async function givenRealm(store: Store): Promise<void> {
  const row = { id: 'demo', name: 'demo', enabled: 1, cookie_key: 'c', representation: '{}', not_before: 0 }
  await store.transact((tx) =>
    tx.db
      .insertInto('realm')
      .values({ ...row, version: 1, created_at: at, deleted_at: null })
      .execute(),
  )
}

forEachDatabase('what a monitoring system reads', (database) => {
  test('D15: the oldest wait, what waits and what ended untold, pauses, lease expiries and fence refusals', async () => {
    await using store = await database.open()
    await givenRealm(store)
    for (let index = 0; index < 6; index++) await givenSignOut(store, ['wiki'], at)
    // the address of another channel is not paused, and hides nothing
    await givenSignOut(store, ['wiki'], at, { channel: 'oidc-front-channel', initialState: 'unconfirmed' })
    const settings = { leasedPerEndpointMax: 16 }
    const { leased } = await claimAt(store, ['wiki'], at, { settings })
    await settleAs(store, leased.slice(0, 1), answered(410), at)
    await settleAs(store, leased.slice(1), noAnswer('net.refused', false), at)
    const text = await metricsOf(store, at + 20_000).registry.metrics()
    for (const line of [
      'curfew_delivery_oldest_pending_seconds{realm="demo"} 20',
      'curfew_deliveries_pending{realm="demo",application="wiki"} 5',
      'curfew_deliveries_untold{realm="demo",application="wiki"} 2',
      'curfew_endpoint_paused{realm="demo",application="wiki"} 1',
      'curfew_delivery_lease_expiries_total 2',
      'curfew_delivery_fence_rejections_total 3',
    ]) {
      assert.ok(text.includes(`${line}\n`), `${line}\n${text}`)
    }
  })

  test('a delivery whose time was over counts as one that reached its verdict', async () => {
    await using store = await database.open()
    await givenSignOut(store, ['wiki'], at, { horizonAt: at + 1000 })
    const metrics = metricsOf(store, at)
    for (const ended of await endAtHorizon(store, at + 60_000)) metrics.countEnded('demo', ended)
    assert.match(
      await metrics.registry.metrics(),
      /curfew_deliveries_total\{realm="demo",application="wiki",channel="oidc-back-channel",outcome="unreachable"\} 1/,
    )
  })

  test('the last verdict of a sign-out measures it, and the process that wrote it counts it', async () => {
    await using store = await database.open()
    const { signOutId } = await givenSignOut(store, ['wiki', 'chat'], at)
    const [first, second] = [metricsOf(store, at), metricsOf(store, at)]
    await settleAndCount(store, 'wiki', first, at + 1000)
    assert.doesNotMatch(await first.registry.metrics(), /curfew_sign_out_duration_seconds_count\{/)
    await settleAndCount(store, 'chat', second, at + 4000)
    // an early verdict that is noted late is not the last one
    const early = { deliveryId: 'another', signOutId, settledAt: at + 1000 }
    first.countEnded('demo', { ...early, clientId: 'wiki', channel: 'ssf', state: 'cancelled' })
    assert.doesNotMatch(await first.registry.metrics(), /curfew_sign_out_duration_seconds_count\{/)
    for (let scrape = 0; scrape < 2; scrape++) {
      const text = await second.registry.metrics()
      assert.match(text, /^curfew_sign_out_duration_seconds_sum\{realm="demo"\} 4$/m)
      assert.match(text, /^curfew_sign_out_duration_seconds_count\{realm="demo"\} 1$/m)
    }
  })

  test('beyond 500 applications the next ones share a label, and those that were named keep their own', async () => {
    await using store = await database.open()
    const metrics = metricsOf(store, at)
    const members = Array.from({ length: 502 }, (_, index) => ({ clientId: `app-${index}` }))
    for (let turn = 0; turn < 2; turn++) metrics.countTelling('demo', { members, deliveries: [] })
    const lines = (await metrics.registry.metrics()).match(/^curfew_sign_out_unsupported_total\{.*$/gm) ?? []
    assert.equal(lines.length, 501)
    assert.equal(lines[0], 'curfew_sign_out_unsupported_total{realm="demo",application="app-0"} 2')
    assert.equal(lines.at(-1), 'curfew_sign_out_unsupported_total{realm="demo",application="_other"} 4')
  })
})
