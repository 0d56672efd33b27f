import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { systemAmbient } from '../../src/ambient/ambient.ts'
import { addressChanged } from '../../src/delivery/address-changed.ts'
import { cancelDeliveries } from '../../src/delivery/cancel.ts'
import type { LeasedDelivery } from '../../src/delivery/delivery.ts'
import { readDeliveryMetrics } from '../../src/delivery/delivery-metrics.ts'
import { displayState } from '../../src/delivery/display-state.ts'
import { findOverdueEndpoints } from '../../src/delivery/overdue-endpoints.ts'
import { pruneDeliveries } from '../../src/delivery/prune.ts'
import { readSignOut } from '../../src/delivery/read-sign-out.ts'
import { type RedeliverScope, redeliver, renewBlocked } from '../../src/delivery/redeliver.ts'
import { type BlockedApplication, renewAllowed } from '../../src/delivery/renew-allowed.ts'
import { tryNow } from '../../src/delivery/try-now.ts'
import type { Store } from '../../src/store/store.ts'
import { forEachDatabase } from '../support/database.ts'
import { answered, noAnswer } from '../support/delivery-facts.ts'
import { attemptRows, claimAt, deliveryRow, endpointRow, givenSignOut, settleAs } from '../support/outbox.ts'
import { givenSession } from '../support/session-fixture.ts'

const at = Date.UTC(2026, 10, 22, 10, 42)
const day = 86_400_000

function replay(store: Store, scope: RedeliverScope, now = at, reason = 'The application was repaired.') {
  return redeliver({ ...systemAmbient(), store }, { realmId: 'demo', scope, actor: 'admin-1', reason }, now)
}

function prune(store: Store, rowCountMax?: number) {
  return pruneDeliveries({ store, retentionDays: 30, sessionTombstoneMs: 30 * day }, at, rowCountMax)
}

/** Signs out of one application whose answer ends the delivery at once. */
async function givenGone(
  store: Store,
  clientId: string,
  now = at,
): Promise<{ id: string; signOutId: string }> {
  const { signOutId, deliveryIds } = await givenSignOut(store, [clientId], now)
  const { leased } = await claimAt(store, [clientId], now)
  await settleAs(store, leased, answered(410), now)
  return { id: deliveryIds[0] as string, signOutId }
}

forEachDatabase('replay', (database) => {
  test('D7, I5: a replay is a new generation with actor and reason; the old row stays as it was', async () => {
    await using store = await database.open()
    const { id, signOutId } = await givenGone(store, 'wiki')
    const before = await deliveryRow(store, id)
    const result = await replay(store, { kind: 'deliveries', ids: [id] }, at + 5000)
    assert.ok(result.ok && result.deliveryIds.length === 1)
    const next = await deliveryRow(store, result.deliveryIds[0] as string)
    assert.deepEqual(
      [next.generation, next.state, next.due_at, next.attempt_count, next.replay_actor, next.replay_reason],
      [2, 'pending', at + 5000, 0, 'admin-1', 'The application was repaired.'],
    )
    assert.equal(next.horizon_at - next.created_at, before.horizon_at - before.created_at)
    assert.deepEqual(await deliveryRow(store, id), before)
    const { leased } = await claimAt(store, ['wiki'], at + 5000)
    await settleAs(store, leased, answered(200), at + 5001)
    const view = await readSignOut(store.read, signOutId)
    assert.deepEqual(
      view?.applications[0]?.deliveries.map(({ generation, state }) => [generation, state]),
      [
        [1, 'rejected'],
        [2, 'accepted'],
      ],
    )
    assert.equal(displayState(view?.applications[0] as never, at).word, 'signed_out')
  })

  test('D14: a replay needs a reason', async () => {
    await using store = await database.open()
    const { id } = await givenGone(store, 'wiki')
    assert.deepEqual(await replay(store, { kind: 'deliveries', ids: [id] }, at, ' '), {
      ok: false,
      reason: 'reason_missing',
    })
  })

  test('R27: what is still waiting, or was replayed already, is not replayed again', async () => {
    await using store = await database.open()
    const { id } = await givenGone(store, 'wiki')
    const waiting = await givenSignOut(store, ['chat'], at)
    // each holds its locks for a while, so that the others wait for them
    const ambient = systemAmbient({ gate: () => delay(50) })
    const command = { realmId: 'demo', actor: 'admin-1', reason: 'again' }
    const once = () =>
      redeliver({ ...ambient, store }, { ...command, scope: { kind: 'deliveries', ids: [id] } }, at)
    const results = await Promise.all([once(), once(), once()])
    assert.equal(results.filter(({ ok }) => ok).length, 1)
    const refused = await replay(store, { kind: 'deliveries', ids: [id, ...waiting.deliveryIds] })
    assert.deepEqual(refused, { ok: false, reason: 'nothing_to_redeliver' })
  })

  test('D14: of one application, one time range, one sign-out, or everything that ended without accepted', async () => {
    await using store = await database.open()
    const wiki = await givenGone(store, 'wiki')
    await givenGone(store, 'chat', at + 1000)
    const told = await givenSignOut(store, ['files'], at)
    await settleAs(store, (await claimAt(store, ['files'], at)).leased, answered(200), at)
    const counts = async (scope: RedeliverScope): Promise<number> => {
      const result = await replay(store, scope, at + 9000)
      return result.ok ? result.deliveryIds.length : 0
    }
    assert.equal(await counts({ kind: 'untold', from: at + 500, until: at + 2000 }), 1)
    assert.equal(await counts({ kind: 'untold', clientId: 'wiki' }), 1)
    for (const clientId of ['wiki', 'chat']) {
      const { leased } = await claimAt(store, [clientId], at + 10_000)
      await settleAs(store, leased, answered(410), at + 10_000)
    }
    assert.equal(await counts({ kind: 'sign_out', signOutId: wiki.signOutId }), 1)
    assert.equal(await counts({ kind: 'untold' }), 1)
    assert.equal((await deliveryRow(store, told.deliveryIds[0] as string)).generation, 1)
  })

  test('D7: blocked deliveries within their horizon get a new generation when the policy changes', async () => {
    await using store = await database.open()
    const { deliveryIds } = await givenSignOut(store, ['wiki'], at)
    const old = await givenSignOut(store, ['chat'], at, { horizonAt: at + 1000 })
    const blocked = { kind: 'blocked', reason: 'policy.private_address', detail: '', durationMs: 1 } as const
    await settleAs(store, (await claimAt(store, ['wiki', 'chat'], at)).leased, blocked, at)
    const change = { realmId: 'demo', actor: 'egress policy', reason: '10.0.0.0/8 was allowed' }
    const renewed = await store.transact((tx) => renewBlocked(systemAmbient(), tx, change, at + 5000))
    assert.equal(renewed.length, 1)
    assert.equal((await deliveryRow(store, renewed[0] as string)).client_id, 'wiki')
    for (const id of [deliveryIds[0], old.deliveryIds[0]]) {
      assert.equal((await deliveryRow(store, id as string)).state, 'blocked')
    }
  })

  test('D7: a process that starts with a policy that allows more tries what was blocked by itself, and the rest stays', async () => {
    await using store = await database.open()
    await givenSignOut(store, ['wiki', 'chat'], at)
    await givenSignOut(store, ['wiki', 'chat'], at)
    const blocked = { kind: 'blocked', reason: 'policy.private_address', detail: '', durationMs: 1 } as const
    await settleAs(store, (await claimAt(store, ['wiki', 'chat'], at)).leased, blocked, at)
    const asked: string[] = []
    const deps = {
      ...systemAmbient({ clock: { now: () => at + 5000 } }),
      store,
      isAllowed: async ({ clientId, address }: BlockedApplication) => {
        asked.push(address)
        return clientId === 'wiki'
      },
    }
    assert.equal(await renewAllowed(deps), 2)
    assert.deepEqual(
      asked,
      ['chat', 'wiki'].map((id) => `https://${id}.example/backchannel-logout`),
    )
    assert.equal(await renewAllowed(deps), 0, 'what is under way is not renewed again')
    const { leased } = await claimAt(store, ['wiki', 'chat'], at + 5000)
    assert.deepEqual(
      leased.map(({ subject, generation }) => [subject.clientId, generation]),
      [
        ['wiki', 2],
        ['wiki', 2],
      ],
    )
  })

  test('D13: when the address changes, what waits is tried at the new one at once, and the pause of the old one ends', async () => {
    await using store = await database.open()
    for (let index = 0; index < 6; index++) await givenSignOut(store, ['wiki'], at)
    const settings = { leasedPerEndpointMax: 16 }
    const failed = await claimAt(store, ['wiki'], at, { settings })
    await settleAs(store, failed.leased.slice(0, 1), answered(404), at)
    await settleAs(store, failed.leased.slice(1), answered(503, { retryAfterSeconds: 900 }), at)
    assert.equal((await claimAt(store, ['wiki'], at + 5000, { settings })).leased.length, 0)
    const change = { realmId: 'demo', clientId: 'wiki', actor: 'admin-1', reason: 'The address was changed.' }
    await store.transact((tx) => addressChanged(tx, systemAmbient(), change, at + 6000))
    assert.equal((await claimAt(store, ['wiki'], at + 6000, { settings })).leased.length, 6)
  })

  test('"try now" brings the next try forward, also through an open breaker', async () => {
    await using store = await database.open()
    for (let index = 0; index < 5; index++) await givenSignOut(store, ['wiki'], at)
    const settings = { leasedPerEndpointMax: 16 }
    const { leased } = await claimAt(store, ['wiki'], at, { settings })
    await settleAs(store, leased, noAnswer('net.refused', false), at)
    const id = leased[0]?.subject.deliveryId as string
    assert.equal((await claimAt(store, ['wiki'], at + 5000)).leased.length, 0)
    const command = { realmId: 'demo', deliveryIds: [id] }
    assert.deepEqual(await tryNow(store, { ...command, realmId: 'other' }, at + 1000), [])
    assert.deepEqual(await tryNow(store, command, at + 1000), [id])
    const probe = await claimAt(store, ['wiki'], at + 1000)
    assert.deepEqual(
      probe.leased.map((one) => [one.subject.deliveryId, one.tried.tryCount]),
      [[id, 2]],
    )
  })

  test('D12: an operator cancels what waits; what is in flight is left to its answer', async () => {
    await using store = await database.open()
    const waiting = await givenSignOut(store, ['wiki'], at)
    const flying = await givenSignOut(store, ['chat'], at)
    const { leased } = await claimAt(store, ['chat'], at)
    const deliveryIds = [...waiting.deliveryIds, ...flying.deliveryIds]
    const command = { realmId: 'demo', deliveryIds, detail: 'operator', reason: 'decommissioned' } as const
    const cancelled = await store.transact((tx) => cancelDeliveries(tx, command, at + 10))
    const facts = cancelled.map((one) => [one.deliveryId, one.clientId, one.tryCount, one.detail, one.reason])
    assert.deepEqual(facts, [[waiting.deliveryIds[0], 'wiki', 0, 'operator', 'decommissioned']])
    const row = await deliveryRow(store, waiting.deliveryIds[0] as string)
    assert.deepEqual([row.state, row.detail, row.reason], ['cancelled', 'operator', 'decommissioned'])
    await settleAs(store, leased, answered(200), at + 20)
    assert.equal((await deliveryRow(store, flying.deliveryIds[0] as string)).state, 'accepted')
    assert.equal((await claimAt(store, ['wiki'], at + 20)).leased.length, 0)
  })
})

forEachDatabase('retention', (database) => {
  test('D20: terminal rows go after 30 days with their attempts; what waits stays', async () => {
    await using store = await database.open()
    const old = await givenGone(store, 'wiki', at - 31 * day)
    const recent = await givenGone(store, 'wiki', at - 29 * day)
    const waiting = await givenSignOut(store, ['chat'], at - 40 * day, { dueAt: at + day })
    const result = await prune(store)
    assert.deepEqual([result.deliveryCount, result.signOutCount], [1, 1])
    assert.deepEqual(await attemptRows(store, old.id), [])
    assert.equal(await readSignOut(store.read, old.signOutId), undefined)
    assert.equal((await attemptRows(store, recent.id)).length, 1)
    assert.equal((await deliveryRow(store, waiting.deliveryIds[0] as string)).state, 'pending')
  })

  test('D13: the address of a deleted client stays until its last delivery is terminal', async () => {
    await using store = await database.open()
    await givenSignOut(store, ['wiki'], at)
    const { leased } = await claimAt(store, ['wiki'], at)
    await givenSignOut(store, ['chat'], at)
    await prune(store)
    assert.ok(
      (await endpointRow(store, 'wiki')) && (await endpointRow(store, 'chat')),
      'one leased, one pending',
    )
    await settleAs(store, leased, answered(410), at)
    const result = await prune(store)
    assert.equal(result.endpointCount, 1)
  })

  test('I16: more rows than one call takes are pruned in several, and it says so', async () => {
    await using store = await database.open()
    const clientIds = Array.from({ length: 1200 }, (_, index) => `app-${index}`)
    const browser = { channel: 'oidc-front-channel', initialState: 'unconfirmed' } as const
    await givenSignOut(store, clientIds, at - 31 * day, browser)
    const first = await prune(store, 1000)
    assert.deepEqual([first.deliveryCount, first.endpointCount, first.hasMore], [1000, 1000, true])
    const second = await prune(store, 1000)
    assert.deepEqual([second.deliveryCount, second.endpointCount, second.hasMore], [200, 200, false])
  })
})

forEachDatabase('what operators see', (database) => {
  test('D15: a healthy endpoint with a row that has waited for more than 60 s is named; a paused one, and one that catches up, is not', async () => {
    await using store = await database.open()
    await givenSignOut(store, ['wiki'], at)
    for (let index = 0; index < 6; index++) await givenSignOut(store, ['down'], at)
    const { leased } = await claimAt(store, ['down'], at, { settings: { leasedPerEndpointMax: 5 } })
    await settleAs(store, leased as readonly LeasedDelivery[], noAnswer('net.refused', false), at)
    assert.deepEqual(await findOverdueEndpoints(store.read, at + 60_000), [])
    assert.deepEqual(await findOverdueEndpoints(store.read, at + 61_000), [
      { endpointId: 'demo/oidc-back-channel/wiki', waitingSeconds: 61 },
    ])
    await store.transact(async (tx) => {
      const catchingUp = { failure_count: 0, open_until: null, recovered_at: at + 60_500 }
      await tx.db.updateTable('endpoint').set(catchingUp).where('client_id', '=', 'down').execute()
    })
    assert.equal((await findOverdueEndpoints(store.read, at + 61_000)).length, 1)
  })

  test('D15: metrics name pending and untold rows, the pause and the latest success of each endpoint', async () => {
    await using store = await database.open()
    await givenGone(store, 'wiki')
    await givenSignOut(store, ['wiki'], at + 100)
    await givenSignOut(store, ['chat'], at)
    await settleAs(store, (await claimAt(store, ['chat'], at)).leased, answered(200), at + 7)
    const { endpoints } = await readDeliveryMetrics(store.read, at + 500)
    const facts = new Map(endpoints.map((one) => [one.clientId, one]))
    assert.deepEqual(
      [facts.get('wiki')?.pendingCount, facts.get('wiki')?.untoldCount, facts.get('wiki')?.isGone],
      [1, 1, true],
    )
    assert.deepEqual(
      [facts.get('chat')?.pendingCount, facts.get('chat')?.lastSuccessAt, facts.get('chat')?.isPaused],
      [0, at + 7, false],
    )
  })

  test('a sign-out is read with every application, its deliveries and their attempts', async () => {
    await using store = await database.open()
    const { signOutId } = await givenSignOut(store, ['chat', 'wiki'], at)
    const { leased } = await claimAt(store, ['wiki'], at)
    await settleAs(store, leased, answered(503, { answer: 'no backend' }), at + 5)
    const view = await readSignOut(store.read, signOutId)
    assert.deepEqual(
      view?.applications.map(({ clientId, deliveries }) => [clientId, deliveries[0]?.state]),
      [
        ['chat', 'pending'],
        ['wiki', 'pending'],
      ],
    )
    const [attempt] = view?.applications[1]?.deliveries[0]?.attempts ?? []
    assert.deepEqual([attempt?.status, attempt?.answer, attempt?.outcome], [503, 'no backend', 'recoverable'])
    assert.equal(await readSignOut(store.read, 'so_unknown'), undefined)
  })

  test('an application without a channel is in the view without a delivery, also in a part of a wider sign-out', async () => {
    await using store = await database.open()
    const { signOutId, sessionUid } = await givenSignOut(store, ['wiki'], at)
    await givenSession(store, {
      uid: sessionUid,
      realmId: 'demo',
      clientIds: ['erp', 'wiki'],
      startedAt: at - 1000,
    })
    await store.transact(async (tx) => {
      await tx.db
        .updateTable('client_session')
        .set({ ended_at: at })
        .where('session_uid', '=', sessionUid)
        .execute()
      await tx.db
        .insertInto('sign_out')
        .values({
          id: 'so_parent',
          realm_id: 'demo',
          scope: 'account',
          kind: 'ordinary',
          cause: 'administrator',
          initiator: 'admin',
          actor_account_id: null,
          actor_client_id: null,
          actor_ip_address: null,
          session_uid: null,
          account_id: 'alice',
          parent_id: null,
          application_count: 0,
          committed_at: at,
          completed_at: null,
        })
        .execute()
      await tx.db
        .updateTable('sign_out')
        .set({ parent_id: 'so_parent' })
        .where('id', '=', signOutId)
        .execute()
    })
    for (const id of [signOutId, 'so_parent']) {
      const view = await readSignOut(store.read, id)
      assert.deepEqual(
        view?.applications.map(({ clientId, deliveries }) => [clientId, deliveries.length]),
        [
          ['erp', 0],
          ['wiki', 1],
        ],
      )
    }
  })
})
