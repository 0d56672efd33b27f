import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { systemAmbient } from '../../src/ambient/ambient.ts'
import type { LeasedDelivery } from '../../src/delivery/delivery.ts'
import { endAtHorizon } from '../../src/delivery/end-at-horizon.ts'
import { findDueEndpoints, findEndpointsOfSignOuts } from '../../src/delivery/find-due-endpoints.ts'
import { takeBackExpiredLeases } from '../../src/delivery/take-back-leases.ts'
import { insertRows } from '../../src/store/bulk-rows.ts'
import { forEachDatabase } from '../support/database.ts'
import { answered, noAnswer } from '../support/delivery-facts.ts'
import {
  attemptRows,
  claimAt,
  deliveryRow,
  endpointOf,
  endpointRow,
  givenSignOut,
  settleAs,
} from '../support/outbox.ts'

const at = Date.UTC(2026, 10, 22, 10, 42)

forEachDatabase('claim and settle', (database) => {
  test('a claim takes a lease and a fence, and I15: writes the attempt row in the same transaction', async () => {
    await using store = await database.open()
    const { deliveryIds } = await givenSignOut(store, ['wiki'], at)
    const { leased } = await claimAt(store, ['wiki'], at, { owner: 'process-1' })
    const row = await deliveryRow(store, deliveryIds[0] as string)
    assert.deepEqual(
      [row.state, row.fence, row.attempt_count, row.lease_owner],
      ['leased', 1, 1, 'process-1'],
    )
    const [attempt] = await attemptRows(store, row.id)
    assert.deepEqual([attempt?.number, attempt?.started_at, attempt?.outcome], [1, at, null])
    assert.equal(leased[0]?.fence, 1)
  })

  test('an accepting answer ends the delivery as accepted, with the attempt as evidence', async () => {
    await using store = await database.open()
    const { deliveryIds } = await givenSignOut(store, ['wiki'], at)
    const { leased } = await claimAt(store, ['wiki'], at)
    await settleAs(store, leased, answered(200, { answer: 'ok' }), at + 40)
    const row = await deliveryRow(store, deliveryIds[0] as string)
    assert.deepEqual(
      [row.state, row.settled_at, row.lease_until, row.had_connection],
      ['accepted', at + 40, null, 1],
    )
    const [attempt] = await attemptRows(store, row.id)
    assert.deepEqual(
      [attempt?.outcome, attempt?.status, attempt?.answer, attempt?.jti, attempt?.finished_at],
      ['accepted', 200, 'ok', 'jti', at + 40],
    )
  })

  test('D3: at most two rows of an endpoint are leased at once, the oldest first', async () => {
    await using store = await database.open()
    for (let index = 0; index < 5; index++) await givenSignOut(store, ['wiki'], at + index)
    const first = await claimAt(store, ['wiki'], at + 10)
    assert.deepEqual(
      first.leased.map((one) => one.tried.dueAt),
      [at, at + 1],
    )
    assert.deepEqual((await claimAt(store, ['wiki'], at + 500)).leased, [])
    await settleAs(store, first.leased[0] as LeasedDelivery, answered(200), at + 600)
    const next = await claimAt(store, ['wiki'], at + 700)
    assert.deepEqual(
      next.leased.map((one) => one.tried.dueAt),
      [at + 2],
    )
    assert.deepEqual(next.looks.get(endpointOf('wiki')), { kind: 'when_settled' })
  })

  test('what is not due yet is not claimed (SR-19)', async () => {
    await using store = await database.open()
    await givenSignOut(store, ['wiki'], at, { dueAt: at + 1000 })
    assert.equal((await claimAt(store, ['wiki'], at + 999)).leased.length, 0)
    assert.equal((await claimAt(store, ['wiki'], at + 1000)).leased.length, 1)
  })

  test('D10: a person before bulk', async () => {
    await using store = await database.open()
    for (let index = 0; index < 3; index++) await givenSignOut(store, ['wiki'], at, { priority: 'low' })
    const { deliveryIds } = await givenSignOut(store, ['wiki'], at + 5)
    const highFirst = { bytes: (count: number) => Buffer.alloc(count, 0xff) }
    const { leased } = await claimAt(store, ['wiki'], at + 10, {
      ambient: systemAmbient({ random: highFirst }),
    })
    assert.equal(leased[0]?.subject.deliveryId, deliveryIds[0])
    assert.equal(leased.length, 2)
  })

  test('D11: one in flight per application and sid, also across channels', async () => {
    await using store = await database.open()
    await givenSignOut(store, ['wiki'], at, { sid: 'same' })
    await givenSignOut(store, ['wiki'], at, { sid: 'same' })
    await givenSignOut(store, ['wiki'], at, { sid: 'same', channel: 'keycloak-admin-url' })
    const first = await claimAt(store, ['wiki'], at)
    assert.equal(first.leased.length, 1)
    assert.equal((await claimAt(store, ['wiki'], at + 100)).leased.length, 0)
    await settleAs(store, first.leased, answered(200), at + 200)
    assert.equal((await claimAt(store, ['wiki'], at + 300)).leased.length, 1)
  })

  test('I7: an outcome under an old fence is not stored, and its attempt stays "started, unknown"', async () => {
    await using store = await database.open()
    const { deliveryIds } = await givenSignOut(store, ['wiki'], at)
    const id = deliveryIds[0] as string
    const short = { settings: { leaseMs: 50 } }
    const frozen = await claimAt(store, ['wiki'], at, short)
    await delay(80)
    const taken = await takeBackExpiredLeases(store, at + 60_000)
    assert.deepEqual(taken, [{ endpointId: endpointOf('wiki'), dueAt: at }])
    const second = await claimAt(store, ['wiki'], at + 60_000)
    assert.equal(second.leased[0]?.fence, 2)
    const stale = await settleAs(store, frozen.leased, answered(410), at + 60_100)
    assert.deepEqual([stale.stored.length, stale.refusedByFence.length], [0, 1])
    await settleAs(store, second.leased, answered(204), at + 60_200)
    assert.equal((await deliveryRow(store, id)).state, 'accepted')
    assert.deepEqual(
      (await attemptRows(store, id)).map((attempt) => attempt.outcome),
      [null, 'accepted'],
    )
    const late = await settleAs(store, second.leased, answered(500), at + 60_300)
    assert.equal(late.refusedByFence.length, 1, 'I5: a terminal state never changes')
  })

  test('a lease that has not run out is left alone', async () => {
    await using store = await database.open()
    const { deliveryIds } = await givenSignOut(store, ['wiki'], at)
    await claimAt(store, ['wiki'], at)
    assert.deepEqual(await takeBackExpiredLeases(store, at + 29_000), [])
    assert.equal((await deliveryRow(store, deliveryIds[0] as string)).state, 'leased')
  })

  test('a try that a crash cut off could have reached the application: the verdict is unconfirmed, not unreachable', async () => {
    await using store = await database.open()
    const { deliveryIds } = await givenSignOut(store, ['wiki'], at)
    await claimAt(store, ['wiki'], at, { settings: { leaseMs: 50 } })
    await delay(80)
    await takeBackExpiredLeases(store, at + 60_000)
    const { leased } = await claimAt(store, ['wiki'], at + 60_000)
    await settleAs(store, leased, noAnswer('net.refused', false), at + 73 * 3_600_000)
    assert.equal((await deliveryRow(store, deliveryIds[0] as string)).state, 'unconfirmed')
  })

  test('D5: a lease given back leaves the row as it was, and the attempt says not_sent', async () => {
    await using store = await database.open()
    const { deliveryIds } = await givenSignOut(store, ['wiki'], at)
    const { leased } = await claimAt(store, ['wiki'], at)
    await settleAs(store, leased, { kind: 'not_sent' }, at + 10)
    const row = await deliveryRow(store, deliveryIds[0] as string)
    assert.deepEqual([row.state, row.attempt_count, row.due_at, row.fence], ['pending', 0, at, 1])
    assert.equal((await attemptRows(store, row.id))[0]?.outcome, 'not_sent')
  })

  test('D8: after five failures in a row nothing is claimed for 30 s, then one probe: the oldest', async () => {
    await using store = await database.open()
    for (let index = 0; index < 8; index++) await givenSignOut(store, ['wiki'], at + index)
    let now = at + 100
    for (let failure = 0; failure < 5; ) {
      const { leased } = await claimAt(store, ['wiki'], now, { settings: { ratePerEndpoint: 1000 } })
      await settleAs(store, leased, noAnswer('net.refused', false), now)
      failure += leased.length
      now += 10
    }
    const { open_until } = await endpointRow(store, 'wiki')
    assert.ok(open_until !== null && open_until > now)
    assert.equal((await claimAt(store, ['wiki'], open_until - 1)).leased.length, 0)
    assert.deepEqual(await findDueEndpoints(store.read, '', 10), [
      { endpointId: endpointOf('wiki'), channel: 'oidc-back-channel', dueAt: open_until },
    ])
    const probe = await claimAt(store, ['wiki'], open_until)
    assert.equal(probe.leased.length, 1)
    assert.equal(probe.leased[0]?.tried.dueAt, at + 6, 'the oldest that is due; waiting rows burn no tries')
    assert.equal((await claimAt(store, ['wiki'], open_until + 100)).leased.length, 0)
    await settleAs(store, probe.leased, noAnswer('net.refused', false), open_until + 200)
    const reopened = await endpointRow(store, 'wiki')
    assert.equal(reopened.open_until, open_until + 200 + 60_000)
  })

  test('D8: when the breaker closes, what waited is tried at once, though its schedule says later', async () => {
    await using store = await database.open()
    for (let index = 0; index < 6; index++) await givenSignOut(store, ['wiki'], at)
    const settings = { leasedPerEndpointMax: 16, ratePerEndpoint: 1000 }
    const failed = await claimAt(store, ['wiki'], at, { settings })
    await settleAs(store, failed.leased.slice(0, 5), answered(503, { retryAfterSeconds: 600 }), at + 1)
    await settleAs(store, failed.leased.slice(5), answered(503), at + 1)
    const probe = await claimAt(store, ['wiki'], at + 30_001, { settings })
    assert.equal(probe.leased.length, 1)
    await settleAs(store, probe.leased, answered(200), at + 30_100)
    assert.deepEqual(await findDueEndpoints(store.read, '', 10), [
      { endpointId: endpointOf('wiki'), channel: 'oidc-back-channel', dueAt: at + 30_100 },
    ])
    let now = at + 30_200
    for (let told = 1; told < 6; told++) {
      const { leased } = await claimAt(store, ['wiki'], now, { settings })
      assert.equal(leased.length, 1, 'D9: one at a time')
      await settleAs(store, leased, answered(200), now)
      now += 100
    }
    assert.equal((await claimAt(store, ['wiki'], now)).leased.length, 0)
    assert.equal((await endpointRow(store, 'wiki')).recovered_at, null)
  })

  test('D8, SR-18: a probe that is answered with a no closes the breaker and keeps its minute', async () => {
    await using store = await database.open()
    const { deliveryIds } = await givenSignOut(store, ['wiki'], at)
    await givenSignOut(store, ['wiki'], at + 1)
    const settings = { leasedPerEndpointMax: 16, ratePerEndpoint: 1000 }
    let now = at + 10
    for (let failure = 0; failure < 5; failure++) {
      const { leased } = await claimAt(store, ['wiki'], now, {
        settings,
        slots: { total: 1, high: 1, low: 1 },
      })
      await settleAs(store, leased, answered(503), now)
      now = (await deliveryRow(store, deliveryIds[0] as string)).due_at
    }
    const { open_until: pausedUntil } = await endpointRow(store, 'wiki')
    const probe = await claimAt(store, ['wiki'], pausedUntil as number, { settings })
    const refusedAt = (pausedUntil as number) + 200
    await settleAs(store, probe.leased, answered(400), refusedAt)
    const [refused] = probe.leased
    const waiting = await claimAt(store, ['wiki'], refusedAt + 100, { settings })
    assert.deepEqual(
      waiting.leased.map(({ subject }) => subject.deliveryId === refused?.subject.deliveryId),
      [false],
      'the other one is brought forward, the refused one is not',
    )
    await settleAs(store, waiting.leased, answered(200), refusedAt + 200)
    assert.equal((await claimAt(store, ['wiki'], refusedAt + 59_999, { settings })).leased.length, 0)
    const again = await claimAt(store, ['wiki'], refusedAt + 60_000, { settings })
    assert.deepEqual(
      again.leased.map(({ subject }) => subject.deliveryId),
      [refused?.subject.deliveryId],
    )
  })

  test('I4: a pending delivery ends when its horizon has passed, also if the breaker never let a try through', async () => {
    await using store = await database.open()
    const untried = await givenSignOut(store, ['wiki'], at, { horizonAt: at + 1000 })
    const tried = await givenSignOut(store, ['chat'], at, { horizonAt: at + 1000 })
    const { leased } = await claimAt(store, ['chat'], at)
    await settleAs(store, leased, answered(503), at + 1)
    assert.deepEqual(await endAtHorizon(store, at + 30_000), [])
    const ended = await endAtHorizon(store, at + 31_000)
    assert.equal(ended.length, 2)
    assert.equal((await deliveryRow(store, untried.deliveryIds[0] as string)).state, 'unreachable')
    const row = await deliveryRow(store, tried.deliveryIds[0] as string)
    assert.deepEqual(
      [row.state, row.reason, row.settled_at],
      ['unconfirmed', 'http.server_error', at + 31_000],
    )
  })

  test('I6: under 20 producers and 20 consumers every delivery is told once, and no endpoint has more than two in flight', async () => {
    await using store = await database.open()
    const clientIds = Array.from({ length: 12 }, (_, index) => `app-${index}`)
    const told = new Map<string, number>()
    const inFlight = new Map<string, number>()
    let producersLeft = 20
    const produce = async (): Promise<void> => {
      for (let round = 0; round < 3; round++) await givenSignOut(store, clientIds.slice(round, round + 9), at)
      producersLeft -= 1
    }
    const total = 20 * 3 * 9
    const consume = async (): Promise<void> => {
      const own = { slots: { total: 7, high: 7, low: 7 }, settings: { ratePerEndpoint: 1000 } }
      for (let now = at; told.size < total || producersLeft > 0; now += 1000) {
        const { leased } = await claimAt(store, clientIds, now, own)
        for (const { subject } of leased) {
          told.set(subject.deliveryId, (told.get(subject.deliveryId) ?? 0) + 1)
          const count = (inFlight.get(subject.endpointId) ?? 0) + 1
          inFlight.set(subject.endpointId, count)
          assert.ok(count <= 2, `${count} in flight at ${subject.endpointId}`)
        }
        await delay(1)
        // they leave the books before the settlement, so the check above can only be too lenient by a claim
        for (const { subject } of leased)
          inFlight.set(subject.endpointId, (inFlight.get(subject.endpointId) ?? 0) - 1)
        if (leased.length > 0) {
          const { refusedByFence } = await settleAs(store, leased, answered(200), now)
          assert.deepEqual(refusedByFence, [])
        }
      }
    }
    await Promise.all([...Array.from({ length: 20 }, produce), ...Array.from({ length: 20 }, consume)])
    assert.equal(told.size, total)
    assert.ok([...told.values()].every((count) => count === 1))
    const open = await store.read.db
      .selectFrom('delivery')
      .select('id')
      .where('state', '!=', 'accepted')
      .execute()
    assert.deepEqual(open, [])
  })

  test('R24, D9: an endpoint that comes back with thousands waiting is told one by one, then faster, the oldest first, and others do not wait', async () => {
    await using store = await database.open()
    const { deliveryIds } = await givenSignOut(store, ['wiki'], at)
    const waiting = await deliveryRow(store, deliveryIds[0] as string)
    const count = 3000
    await store.transact((tx) =>
      insertRows(
        tx,
        'delivery',
        Array.from({ length: count }, (_, index) => {
          const name = `w${String(index).padStart(5, '0')}`
          return { ...waiting, id: name, sid: name, session_uid: name, due_at: at + 1 + index }
        }),
      ),
    )
    const paused = { failure_count: 5, opened_count: 1, open_until: at + 30_000 }
    await store.transact((tx) => tx.db.updateTable('endpoint').set(paused).execute())
    await givenSignOut(store, ['chat'], at)
    const settings = { ratePerEndpoint: 15 }
    assert.deepEqual(
      (await claimAt(store, ['wiki', 'chat'], at + 20_000, { settings })).leased.map(
        (one) => one.subject.clientId,
      ),
      ['chat'],
    )
    const sizes: number[] = []
    const dueTimes: number[] = []
    for (let now = at + 30_000; now < at + 40_000; now += 100) {
      const { leased } = await claimAt(store, ['wiki'], now, { settings })
      if (leased.length === 0) continue
      sizes.push(leased.length)
      dueTimes.push(...leased.map((one) => one.tried.dueAt))
      await settleAs(store, leased, answered(200), now)
    }
    let afterProbe = -1
    for (const size of sizes) {
      assert.ok(
        size <= 2 ** Math.floor(Math.max(0, afterProbe) / 10),
        `${size} after ${afterProbe} successes`,
      )
      afterProbe += size
    }
    assert.equal(Math.max(...sizes), 2)
    assert.deepEqual(
      dueTimes,
      dueTimes.toSorted((a, b) => a - b),
    )
    assert.ok(dueTimes.length > 100 && dueTimes.length <= 15 * 10 + 2, `${dueTimes.length} in 10 s`)
  })

  test('the walk over endpoints meets every one that has something waiting, in pages', async () => {
    await using store = await database.open()
    await givenSignOut(store, ['a', 'b', 'c', 'd', 'e'], at)
    const { signOutId } = await givenSignOut(store, ['c', 'f'], at - 50, { priority: 'low' })
    const first = await findDueEndpoints(store.read, '', 4)
    assert.deepEqual(
      first.map(({ endpointId }) => endpointId),
      ['a', 'b', 'c', 'd'].map(endpointOf),
    )
    assert.equal(first[2]?.dueAt, at - 50)
    const rest = await findDueEndpoints(store.read, first[3]?.endpointId ?? '', 4)
    assert.deepEqual(
      rest.map(({ endpointId }) => endpointId),
      ['e', 'f'].map(endpointOf),
    )
    assert.deepEqual(await findDueEndpoints(store.read, endpointOf('f'), 4), [])
    const woken = await findEndpointsOfSignOuts(store.read, [signOutId])
    assert.deepEqual(woken.map(({ endpointId }) => endpointId).sort(), ['c', 'f'].map(endpointOf))
  })

  test('D2: a second delivery of the same sign-out, application, channel and generation is refused', async () => {
    await using store = await database.open()
    await assert.rejects(givenSignOut(store, ['wiki', 'wiki'], at), /unique/i)
  })
})
