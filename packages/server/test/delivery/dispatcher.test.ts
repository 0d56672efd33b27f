import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { systemAmbient } from '../../src/ambient/ambient.ts'
import type { GateName } from '../../src/ambient/gate.ts'
import {
  type DeliverySettings,
  defaultDeliverySettings,
  type SettledDelivery,
} from '../../src/delivery/delivery.ts'
import { Dispatcher } from '../../src/delivery/dispatcher.ts'
import { createSignOutFeed } from '../../src/delivery/feed.ts'
import { readSignOut } from '../../src/delivery/read-sign-out.ts'
import { tryNow } from '../../src/delivery/try-now.ts'
import type { Sender } from '../../src/sender/sender.ts'
import type { Store } from '../../src/store/store.ts'
import { forEachDatabase } from '../support/database.ts'
import { answered, noAnswer } from '../support/delivery-facts.ts'
import {
  attemptRows,
  claimAt,
  deliveryRow,
  endpointRow,
  givenSignOut,
  scriptedSender,
} from '../support/outbox.ts'

interface Running extends AsyncDisposable {
  readonly dispatcher: Dispatcher
  readonly settled: SettledDelivery[]
  readonly lines: { level: string; event: string; fields: Readonly<Record<string, unknown>> }[]
  /** Resolves when `isTrue` holds; it is asked after every outcome and every 10 ms. */
  until(isTrue: () => boolean | Promise<boolean>, timeoutMs?: number): Promise<void>
}

function run(
  store: Store,
  sender: Sender,
  settings: Partial<DeliverySettings> = {},
  gate?: (name: GateName, subject?: string) => Promise<void> | void,
): Running {
  const settled: SettledDelivery[] = []
  const lines: Running['lines'] = []
  const log = {
    write: (level: string, event: string, fields: Readonly<Record<string, unknown>>) =>
      void lines.push({ level, event, fields }),
  }
  const dispatcher = new Dispatcher({
    store,
    ambient: systemAmbient({ log, ...(gate ? { gate } : {}) }),
    senders: new Map([[sender.channel, sender]]),
    settings: { ...defaultDeliverySettings, ratePerEndpoint: 1000, ...settings },
    owner: 'process-1',
    onSettled: (one) => void settled.push(one),
  })
  dispatcher.start()
  return {
    dispatcher,
    settled,
    lines,
    async until(isTrue, timeoutMs = 5000) {
      for (const end = Date.now() + timeoutMs; !(await isTrue()); await delay(10)) {
        if (Date.now() > end) assert.fail(`not so within ${timeoutMs} ms: ${isTrue}`)
      }
    },
    [Symbol.asyncDispose]: () => dispatcher.stop(2000),
  }
}

forEachDatabase('the dispatcher', (database) => {
  test('tells every application of a sign-out at once, woken by its commit', async () => {
    await using store = await database.open()
    const sender = scriptedSender(() => answered(200))
    await using running = run(store, sender, { pollIntervalMs: 60_000 })
    await delay(200)
    const clientIds = Array.from({ length: 300 }, (_, index) => `app-${index}`)
    const startedAt = Date.now()
    const { signOutId } = await givenSignOut(store, clientIds, startedAt)
    await running.until(() => running.settled.length === 300)
    assert.ok(running.settled.every(({ settlement }) => settlement.state === 'accepted'))
    assert.deepEqual(sender.sent.map(({ clientId }) => clientId).sort(), clientIds.toSorted())
    assert.ok(sender.sent.every((subject) => subject.signOutId === signOutId))
  })

  test('F-27: polling carries a wake-up that was lost', async () => {
    await using store = await database.open()
    const deaf = { ...store, onWake: () => () => undefined } as Store
    await using running = run(
      deaf,
      scriptedSender(() => answered(200)),
      { pollIntervalMs: 100 },
    )
    await givenSignOut(store, ['wiki'], Date.now())
    await running.until(() => running.settled.length === 1, 2000)
  })

  test('T11: what is committed after something later is told all the same: rows are found by their state, not behind the last one', async () => {
    await using store = await database.open()
    const deaf = { ...store, onWake: () => () => undefined } as Store
    await using running = run(
      deaf,
      scriptedSender(() => answered(200)),
      { pollIntervalMs: 50 },
    )
    const now = Date.now()
    const later = await givenSignOut(store, ['zulu', 'wiki'], now)
    await running.until(() => running.settled.length === 2)
    const ids = (await givenSignOut(store, ['alpha', 'wiki'], now - 60_000)).deliveryIds
    await running.until(() => running.settled.length === 4)
    for (const id of [...later.deliveryIds, ...ids])
      assert.equal((await deliveryRow(store, id)).state, 'accepted')
  })

  test('D13: what waits at an endpoint whose row housekeeping has just removed is told all the same', async () => {
    await using store = await database.open()
    await givenSignOut(store, ['wiki'], Date.now())
    await store.transact(async (tx) => void (await tx.db.deleteFrom('endpoint').execute()))
    await using running = run(
      store,
      scriptedSender(() => answered(200)),
    )
    await running.until(() => running.settled.length === 1)
  })

  test('SR-19: what is due in a moment is sent in that moment, by a timer and not by polling', async () => {
    await using store = await database.open()
    await using running = run(
      store,
      scriptedSender(() => answered(200)),
      { pollIntervalMs: 60_000 },
    )
    await delay(200)
    const dueAt = Date.now() + 400
    await givenSignOut(store, ['wiki'], Date.now(), { dueAt })
    await running.until(() => running.settled.length === 1)
    const sentAt = running.settled[0]?.tried.leased.leasedAt as number
    assert.ok(sentAt >= dueAt && sentAt < dueAt + 150, `${sentAt - dueAt} ms after it was due`)
  })

  test('tries again by the schedule until the application is back', async () => {
    await using store = await database.open()
    let isUp = false
    const sender = scriptedSender(() => (isUp ? answered(204) : noAnswer('net.refused', false)))
    await using running = run(store, sender, { pollIntervalMs: 60_000 })
    const { deliveryIds } = await givenSignOut(store, ['wiki'], Date.now())
    await running.until(() => running.settled.length === 1)
    isUp = true
    await running.until(() => running.settled.length === 2)
    const attempts = await attemptRows(store, deliveryIds[0] as string)
    assert.deepEqual(
      attempts.map(({ outcome, reason }) => [outcome, reason]),
      [
        ['recoverable', 'net.refused'],
        ['accepted', null],
      ],
    )
    const waited = (attempts[1]?.started_at ?? 0) - (attempts[0]?.finished_at ?? 0)
    assert.ok(waited >= 1600 && waited < 2600, `second try after ${waited} ms`)
  })

  test('I10, T8: applications that never answer hold up nobody else', async () => {
    await using store = await database.open()
    const hanging = Promise.withResolvers<void>()
    const sender = scriptedSender(async ({ clientId }, signal) => {
      if (!clientId.startsWith('bad')) return answered(200)
      await Promise.race([
        hanging.promise,
        new Promise((resolve) => signal.addEventListener('abort', resolve)),
      ])
      return noAnswer('http.timeout', true)
    })
    await using running = run(store, sender, { slotCount: 20 })
    for (let round = 0; round < 20; round++) {
      await givenSignOut(store, ['bad-1', 'bad-2', 'bad-3', 'good-1', 'good-2', 'good-3'], Date.now())
    }
    await running.until(() => running.settled.length === 60)
    const bad = sender.sent.filter(({ clientId }) => clientId.startsWith('bad')).length
    assert.equal(bad, 6, 'two in flight at each of the three')
    const slowest = Math.max(
      ...running.settled.map(({ tried, settledAt }) => settledAt - tried.leased.tried.createdAt),
    )
    assert.ok(slowest < 500, `the slowest good one took ${slowest} ms`)
    hanging.resolve()
  })

  test('D10: slow bulk deliveries leave slots for a person', async () => {
    await using store = await database.open()
    const sender = scriptedSender(async ({ clientId }, signal) => {
      if (clientId === 'wiki') return answered(200)
      await new Promise((resolve) => signal.addEventListener('abort', resolve))
      return noAnswer('http.timeout', true)
    })
    await using running = run(store, sender, { slotCount: 10 })
    const bulk = Array.from({ length: 30 }, (_, index) => `bulk-${index}`)
    await givenSignOut(store, bulk, Date.now(), { priority: 'low' })
    await running.until(() => sender.sent.length === 8)
    await givenSignOut(store, ['wiki'], Date.now())
    await running.until(() => running.settled.length === 1, 1000)
    await running.dispatcher.stop(0)
  })

  test('D16: a stop lets the tries in flight finish, and claims no more', async () => {
    await using store = await database.open()
    const release = Promise.withResolvers<void>()
    const sender = scriptedSender(async () => {
      await release.promise
      return answered(200)
    })
    await using running = run(store, sender)
    const { deliveryIds } = await givenSignOut(store, ['wiki'], Date.now())
    await running.until(() => sender.sent.length === 1)
    const stopping = running.dispatcher.stop(3000)
    const later = await givenSignOut(store, ['chat'], Date.now())
    release.resolve()
    await stopping
    assert.equal((await deliveryRow(store, deliveryIds[0] as string)).state, 'accepted')
    assert.equal((await deliveryRow(store, later.deliveryIds[0] as string)).state, 'pending')
  })

  test('D5, D16: what was not sent when the time of a stop is over is given back as not_sent', async () => {
    await using store = await database.open()
    const held = Promise.withResolvers<void>()
    const sender = scriptedSender(() => answered(200))
    await using running = run(store, sender, {}, (name) =>
      name === 'send.beforeConnect' ? held.promise : undefined,
    )
    const { deliveryIds } = await givenSignOut(store, ['wiki'], Date.now())
    const id = deliveryIds[0] as string
    await running.until(async () => (await deliveryRow(store, id)).state === 'leased')
    const stopping = running.dispatcher.stop(50)
    setTimeout(() => held.resolve(), 150)
    await stopping
    const row = await deliveryRow(store, id)
    assert.deepEqual([row.state, row.attempt_count, sender.sent.length], ['pending', 0, 0])
    assert.equal((await attemptRows(store, id))[0]?.outcome, 'not_sent')
  })

  test('nothing is sent in the last third of a lease: another worker may have begun by the time it is answered', async () => {
    await using store = await database.open()
    const sender = scriptedSender(() => answered(200))
    let isHeld = true
    await using running = run(store, sender, { leaseMs: 600, pollIntervalMs: 100 }, async (name) => {
      if (name !== 'prepare.afterSign' || !isHeld) return
      isHeld = false
      await delay(450)
    })
    const { deliveryIds } = await givenSignOut(store, ['wiki'], Date.now())
    await running.until(() => running.settled.some(({ settlement }) => settlement.state === 'accepted'))
    const attempts = await attemptRows(store, deliveryIds[0] as string)
    assert.deepEqual(
      attempts.map(({ outcome }) => outcome),
      ['not_sent', 'accepted'],
    )
  })

  test('C-04, R10: a worker that froze beyond its lease has its outcome refused, and it is counted', async () => {
    await using store = await database.open()
    const frozen = Promise.withResolvers<void>()
    let tries = 0
    const sender = scriptedSender(async () => {
      tries += 1
      if (tries === 1) await frozen.promise
      return answered(tries === 1 ? 410 : 200)
    })
    await using running = run(store, sender, { leaseMs: 400, pollIntervalMs: 50 })
    const { deliveryIds } = await givenSignOut(store, ['wiki'], Date.now())
    const id = deliveryIds[0] as string
    await running.until(async () => (await deliveryRow(store, id)).state === 'accepted')
    frozen.resolve()
    await running.until(() => running.dispatcher.facts().fenceRefusalCount === 1)
    assert.equal(running.dispatcher.facts().leaseExpiryCount, 1)
    assert.equal((await deliveryRow(store, id)).state, 'accepted')
    assert.ok(running.lines.some(({ event }) => event === 'delivery.fence_refused'))
  })

  test('D17: a row that our own code cannot handle ends after five tries, blocks nobody and is logged as an error of ours', async () => {
    await using store = await database.open()
    const good = scriptedSender(() => answered(200))
    const sender: Sender = {
      channel: 'oidc-back-channel',
      prepare: (subject, at) =>
        subject.clientId === 'poison' ? Promise.reject(new Error('no such key')) : good.prepare(subject, at),
    }
    await using running = run(store, sender)
    const { deliveryIds } = await givenSignOut(store, ['poison', 'wiki'], Date.now())
    await running.until(() => running.settled.length === 2)
    const poison = deliveryIds[0] as string
    for (let count = 1; count < 5; count++) {
      await running.until(async () => (await deliveryRow(store, poison)).internal_count === count)
      assert.equal((await deliveryRow(store, poison)).state, 'pending')
      await tryNow(store, { realmId: 'demo', deliveryIds: [poison] }, Date.now())
    }
    await running.until(() => running.settled.length === 6)
    const { state, reason, attempt_count } = await deliveryRow(store, poison)
    assert.deepEqual([state, reason, attempt_count], ['unreachable', 'internal.error', 5])
    assert.equal((await deliveryRow(store, deliveryIds[1] as string)).state, 'accepted')
    assert.equal((await endpointRow(store, 'poison')).failure_count, 0)
    const faults = running.lines.filter(({ level }) => level === 'error')
    assert.deepEqual(
      faults.map(({ event, fields }) => [event, fields['reason'], fields['error']]),
      Array.from({ length: 5 }, () => ['delivery.attempt', 'internal.error', 'no such key']),
    )
  })

  test('one line is logged for each try, with ids, reason and duration, and never the sid', async () => {
    await using store = await database.open()
    await using running = run(
      store,
      scriptedSender(() => answered(503)),
    )
    const { signOutId, deliveryIds } = await givenSignOut(store, ['wiki'], Date.now())
    await running.until(() => running.settled.length === 1)
    const line = running.lines.find(({ event }) => event === 'delivery.attempt')
    assert.deepEqual(
      [line?.fields['sign_out_id'], line?.fields['delivery_id'], line?.fields['application']],
      [signOutId, deliveryIds[0], 'wiki'],
    )
    assert.deepEqual(
      [line?.fields['outcome'], line?.fields['reason'], line?.fields['status'], line?.fields['duration_ms']],
      ['recoverable', 'http.server_error', 503, 12],
    )
    assert.ok(!JSON.stringify(running.lines).includes('sid-'))
  })

  test('an address that answers 404 or 405 is warned of at the first try', async () => {
    await using store = await database.open()
    await using running = run(
      store,
      scriptedSender(({ clientId }) => answered(Number(clientId))),
    )
    await givenSignOut(store, ['400', '404', '405'], Date.now())
    await running.until(() => running.settled.length === 3)
    const tries = running.lines.filter(({ event }) => event === 'delivery.attempt')
    assert.deepEqual(tries.map(({ level, fields }) => `${fields['status']} ${level}`).toSorted(), [
      '400 info',
      '404 warn',
      '405 warn',
    ])
  })

  test('a restart takes up what a dead process left: due rows at once, leased ones after their lease (R8, C-02, T7)', async () => {
    await using store = await database.open()
    const waiting = await givenSignOut(store, ['wiki'], Date.now())
    const left = await givenSignOut(store, ['chat'], Date.now())
    await claimAt(store, ['chat'], Date.now(), { settings: { leaseMs: 300 }, owner: 'dead process' })
    await using running = run(
      store,
      scriptedSender(() => answered(200)),
      { pollIntervalMs: 50 },
    )
    await running.until(() => running.settled.length === 2)
    for (const { deliveryIds } of [waiting, left]) {
      assert.equal((await deliveryRow(store, deliveryIds[0] as string)).state, 'accepted')
    }
  })
})

forEachDatabase('the feed of a sign-out', (database) => {
  const feedOf = (store: Store) => createSignOutFeed({ ...systemAmbient(), store })

  test('SR-11: the first round is over when every delivery has had its first try settled, whatever the verdicts', async () => {
    await using store = await database.open()
    const sender = scriptedSender(({ clientId }) => answered(clientId === 'wiki' ? 200 : 503))
    await using _running = run(store, sender)
    const feed = feedOf(store)
    const { signOutId } = await givenSignOut(store, ['wiki', 'chat'], Date.now())
    assert.equal(await feed.waitFirstRound(signOutId, 3000), true)
    const view = await readSignOut(store.read, signOutId)
    const tries = view?.applications.flatMap(({ deliveries }) => deliveries.map(({ attempts }) => attempts))
    assert.deepEqual(
      tries?.map(([attempt]) => attempt?.outcome),
      ['recoverable', 'accepted'],
    )
    feed.stop()
  })

  test('SR-11: an application that hangs holds the answer no longer than the limit', async () => {
    await using store = await database.open()
    const sender = scriptedSender(async (_subject, signal) => {
      await new Promise((resolve) => signal.addEventListener('abort', resolve))
      return noAnswer('http.timeout', true)
    })
    await using running = run(store, sender)
    const feed = feedOf(store)
    const { signOutId } = await givenSignOut(store, ['wiki'], Date.now())
    const startedAt = Date.now()
    assert.equal(await feed.waitFirstRound(signOutId, 300), false)
    const tookMs = Date.now() - startedAt
    assert.ok(tookMs >= 290 && tookMs < 450, `${tookMs} ms`)
    feed.stop()
    await running.dispatcher.stop(0)
  })

  test('does not wait for what cannot be tried in the time: due later, or at a paused address', async () => {
    await using store = await database.open()
    const feed = feedOf(store)
    const { signOutId } = await givenSignOut(store, ['wiki'], Date.now(), { dueAt: Date.now() + 5000 })
    const startedAt = Date.now()
    assert.equal(await feed.waitFirstRound(signOutId, 2000), false)
    assert.ok(Date.now() - startedAt < 1000)
    assert.equal(await feed.waitFirstRound('so_unknown', 2000), true)
    feed.stop()
  })

  test('S-11: a watcher is called after each change, also when the wake-up was lost', async () => {
    await using store = await database.open()
    const deaf = { ...store, onWake: () => () => undefined } as Store
    const feed = feedOf(deaf)
    const { signOutId } = await givenSignOut(store, ['wiki'], Date.now())
    const calledAt: number[] = []
    const stop = feed.watch(signOutId, () => calledAt.push(Date.now()))
    await delay(1300)
    await claimAt(store, ['wiki'], Date.now())
    const changedAt = Date.now()
    while (!calledAt.some((calledAtMs) => calledAtMs > changedAt)) {
      assert.ok(Date.now() < changedAt + 2000, 'called within 2 s')
      await delay(10)
    }
    stop()
    feed.stop()
  })
})
