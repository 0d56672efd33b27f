/** Whole lives of deliveries at a real receiver: each try is a real exchange, the time between two tries is not waited for. */
import assert from 'node:assert/strict'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { type TestContext, test } from 'node:test'
import { endAtHorizon, horizonGraceMs } from '../../src/delivery/end-at-horizon.ts'
import type { Store } from '../../src/store/store.ts'
import { forEachDatabase } from '../support/database.ts'
import { neverAborted, outboundFor, someNotice } from '../support/outbound.ts'
import { attemptRows, claimAt, deliveryRow, endpointRow, givenSignOut, settleAs } from '../support/outbox.ts'
import { startReceiver } from '../support/receiver.ts'

const startAt = Date.UTC(2026, 10, 22, 10, 42)
const hour = 3_600_000
/** By the schedule; the breaker of an address that never answers well does not let one more through at the horizon. */
const fullCount = 16
const fullMs = 72 * hour + horizonGraceMs
const tryCountMax = 30

type Handler = (request: IncomingMessage, response: ServerResponse, at: number) => void

interface Life {
  readonly row: Awaited<ReturnType<typeof deliveryRow>>
  readonly attempts: Awaited<ReturnType<typeof attemptRows>>
  readonly endedAt: number
}

type Live = (clientId: string, handler: Handler) => Promise<Life>

/** Carries each delivery from its first try to its verdict. */
async function livesAt(t: TestContext, store: Store): Promise<Live> {
  const receiver = await startReceiver()
  t.after(() => receiver[Symbol.asyncDispose]())
  const outbound = outboundFor(t)
  return async (clientId, handler) => {
    const { deliveryIds } = await givenSignOut(store, [clientId], startAt, {
      address: receiver.urlOf(clientId),
    })
    const id = deliveryIds[0] as string
    let now = startAt
    receiver.behave(clientId, (request, response) => handler(request, response, now))
    for (let count = 0; count < tryCountMax; count++) {
      const { leased } = await claimAt(store, [clientId], now)
      for (const one of leased) {
        const notice = someNotice(one.subject.address, {
          endpointId: one.subject.endpointId,
          body: 'notice=1',
        })
        await settleAs(store, one, await outbound.post(notice, neverAborted), now)
      }
      const row = await deliveryRow(store, id)
      if (row.settled_at !== null)
        return { row, attempts: await attemptRows(store, id), endedAt: row.settled_at }
      const { open_until } = await endpointRow(store, clientId)
      now = Math.min(Math.max(row.due_at, open_until ?? 0), row.horizon_at + horizonGraceMs)
      await endAtHorizon(store, now)
    }
    throw new Error(`${clientId} has no verdict after ${tryCountMax} tries`)
  }
}

/** Status, verdict, its detail, the reason, the tries, and when it ends after the first one. */
const answers: readonly (readonly [number, string, string | null, string | null, number, number])[] = [
  [200, 'accepted', null, null, 1, 0],
  [204, 'accepted', null, null, 1, 0],
  [201, 'accepted', 'non_conformant', null, 1, 0],
  [202, 'accepted', 'non_conformant', null, 1, 0],
  [206, 'accepted', 'non_conformant', null, 1, 0],
  [400, 'rejected', '400', 'app.rejects_other', 2, 60_000],
  [401, 'rejected', '401', 'http.unauthorized', 2, 60_000],
  [403, 'rejected', '403', 'http.forbidden', 2, 60_000],
  [404, 'rejected', '404', 'http.not_found', 2, 60_000],
  [405, 'rejected', '405', 'http.method', 2, 60_000],
  [418, 'rejected', '418', 'http.unexpected_status', 2, 60_000],
  [410, 'rejected', 'gone', 'http.gone', 1, 0],
  [301, 'rejected', 'redirect', 'http.redirect', 2, 60_000],
  [304, 'rejected', 'redirect', 'http.redirect', 2, 60_000],
  [307, 'rejected', 'redirect', 'http.redirect', 2, 60_000],
  [408, 'unconfirmed', null, 'http.timeout', fullCount, fullMs],
  [425, 'unconfirmed', null, 'http.unexpected_status', fullCount, fullMs],
  [429, 'unconfirmed', null, 'http.rate_limited', fullCount, fullMs],
  [500, 'unconfirmed', null, 'http.server_error', fullCount, fullMs],
  [501, 'unconfirmed', null, 'http.server_error', fullCount, fullMs],
  [502, 'unconfirmed', null, 'http.server_error', fullCount, fullMs],
  [503, 'unconfirmed', null, 'http.server_error', fullCount, fullMs],
  [504, 'unconfirmed', null, 'http.server_error', fullCount, fullMs],
]

forEachDatabase('a receiver (S-07)', (database) => {
  test('F-12: every status of the answer table ends as the table says, after its tries, with its reason', async (t) => {
    await using store = await database.open()
    const live = await livesAt(t, store)
    for (const [status, state, detail, reason, tryCount, afterMs] of answers) {
      const { row, attempts, endedAt } = await live(`app-${status}`, (_request, response, at) =>
        response
          .writeHead(status, {
            location: 'https://elsewhere.example/sign-in',
            date: new Date(at).toUTCString(),
          })
          .end(),
      )
      assert.deepEqual(
        [row.state, row.detail, row.reason, row.attempt_count, attempts.length, endedAt - startAt],
        [state, detail, reason, tryCount, tryCount, afterMs],
        String(status),
      )
      assert.ok(attempts.every((attempt) => attempt.status === status))
      if (detail === 'redirect') assert.match(attempts.at(-1)?.detail ?? '', /https:\/\/elsewhere\.example;/)
      if (status === 501 || status === 504) assert.match(attempts[0]?.detail ?? '', /early drafts/)
      assert.equal((await endpointRow(store, `app-${status}`)).is_gone, status === 410 ? 1 : 0)
    }
  })

  test('D8: that answered 410 is flagged and tried again at the next sign-out, which clears the flag', async (t) => {
    await using store = await database.open()
    const live = await livesAt(t, store)
    assert.equal(
      (await live('wiki', (_request, response) => response.writeHead(410).end())).row.detail,
      'gone',
    )
    assert.equal((await endpointRow(store, 'wiki')).is_gone, 1)
    assert.equal((await live('wiki', (_request, response) => response.end())).row.state, 'accepted')
    assert.equal((await endpointRow(store, 'wiki')).is_gone, 0)
  })

  test('F-14: that acts and then answers 500 is told again, and when it says so for ever nobody says that it was not told', async (t) => {
    await using store = await database.open()
    const live = await livesAt(t, store)
    let actedCount = 0
    const once = await live('wiki', (_request, response) => {
      actedCount += 1
      response.writeHead(actedCount === 1 ? 500 : 200).end()
    })
    assert.deepEqual([once.row.state, once.row.attempt_count, actedCount], ['accepted', 2, 2])
    assert.deepEqual(
      once.attempts.map(({ outcome, status }) => [outcome, status]),
      [
        ['recoverable', 500],
        ['accepted', 200],
      ],
    )
    const always = await live('chat', (_request, response) => response.writeHead(500).end())
    assert.equal(always.row.state, 'unconfirmed')
  })

  test('R11, F-13: that acts and whose every answer is lost ends as unconfirmed, never as not told', async (t) => {
    await using store = await database.open()
    const live = await livesAt(t, store)
    const { row, attempts } = await live('wiki', (request) => request.socket.destroy())
    assert.deepEqual([row.state, row.reason, row.attempt_count], ['unconfirmed', 'net.reset', fullCount])
    assert.ok(attempts.every(({ outcome, status }) => outcome === 'recoverable' && status === null))
  })

  test('F-16: whose clock is off answers 400 twice, and the reason is its clock, by the Date of its answer', async (t) => {
    await using store = await database.open()
    const live = await livesAt(t, store)
    const withClock = (skewMs: number): Handler => {
      return (_request, response, at) =>
        response
          .writeHead(400, { date: new Date(at + skewMs).toUTCString() })
          .end('{"error":"invalid_request"}')
    }
    for (const [clientId, skewMs, words] of [
      ['slow', -180_000, /180 s behind ours/],
      ['fast', 240_000, /240 s ahead of ours/],
    ] as const) {
      const { row, attempts } = await live(clientId, withClock(skewMs))
      assert.deepEqual(
        [row.state, row.detail, row.reason, attempts.length],
        ['rejected', '400', 'clock.skew', 2],
      )
      assert.match(attempts.at(-1)?.detail ?? '', words)
    }
    const near = await live('near', withClock(-30_000))
    assert.deepEqual([near.row.reason, near.attempts.at(-1)?.detail], ['app.rejects_other', null])
  })

  test('F-17: that answers every second time is told of everything, in two tries at most, and is never paused', async (t) => {
    await using store = await database.open()
    const live = await livesAt(t, store)
    let requestCount = 0
    const flap: Handler = (_request, response) => {
      requestCount += 1
      response.writeHead(requestCount % 2 === 0 ? 200 : 503).end()
    }
    const lives: Life[] = []
    for (let count = 0; count < 20; count++) lives.push(await live('wiki', flap))
    assert.ok(lives.every(({ row }) => row.state === 'accepted' && row.attempt_count === 2))
    assert.equal(requestCount, 40)
    assert.equal((await endpointRow(store, 'wiki')).opened_count, 0)
  })
})
