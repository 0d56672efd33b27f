import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import {
  answered,
  testStartAt as at,
  noAnswer,
  threeDaysMs,
  triedDelivery,
} from '../../test/support/delivery-facts.ts'
import { isTerminal, type Settlement, type TryHistory, type TryOutcome } from './delivery.ts'
import { proxyRetryDelayMs, retryDelaysMs } from './retry-schedule.ts'
import { settle } from './settle.ts'
import { assertSound } from './sound-settlement.ts'

const middle = 0.5
const horizonAt = at + threeDaysMs

function settled(outcome: TryOutcome, history: Partial<TryHistory> = {}): Settlement {
  return settle(triedDelivery(outcome, history), middle, at)
}

/** The parts of a settlement that a row of the table speaks of. */
function brief({ state, detail, reason }: Settlement): readonly (string | null)[] {
  return [state, detail, reason]
}

describe('what each answer means', () => {
  for (const status of [200, 204]) {
    test(`${status} is yes: accepted`, () => {
      assert.deepEqual(brief(settled(answered(status))), ['accepted', null, null])
      assert.equal(settled(answered(status)).endpointSign, 'accepted')
    })
  }

  for (const status of [201, 202, 206, 299]) {
    test(`${status} is yes, flagged non_conformant, because a retry would only duplicate`, () => {
      assert.deepEqual(brief(settled(answered(status))), ['accepted', 'non_conformant', null])
    })
  }

  test('202 to an SSF push is accepted as stored: received, not acted on', () => {
    const settlement = settle(triedDelivery(answered(202), {}, 'ssf'), middle, at)
    assert.deepEqual(brief(settlement), ['accepted', 'stored', null])
  })

  const refusals: readonly [number, string, string][] = [
    [400, '400', 'app.rejects_other'],
    [401, '401', 'http.unauthorized'],
    [403, '403', 'http.forbidden'],
    [404, '404', 'http.not_found'],
    [405, '405', 'http.method'],
    [415, '415', 'http.media_type'],
    [422, '422', 'http.unexpected_status'],
    [301, 'redirect', 'http.redirect'],
    [302, 'redirect', 'http.redirect'],
    [303, 'redirect', 'http.redirect'],
    [307, 'redirect', 'http.redirect'],
    [308, 'redirect', 'http.redirect'],
    [304, 'redirect', 'http.redirect'],
  ]
  for (const [status, detail, reason] of refusals) {
    test(`${status} is no: exactly one more try after 60 s, then rejected (SR-18)`, () => {
      const first = settled(answered(status))
      assert.deepEqual(brief(first), ['pending', null, reason])
      assert.equal(first.dueAt, at + 60_000)
      assert.equal(first.attempt.outcome, 'refused')
      const second = settled(answered(status), { refusalCount: first.refusalCount, tryCount: 2 })
      assert.deepEqual(brief(second), ['rejected', detail, reason])
      assert.equal(second.endpointSign, 'answered')
    })
  }

  test('a try of another kind between two refusals does not reset them', () => {
    const first = settled(answered(400))
    const between = settled(answered(503), { ...first, tryCount: 2 })
    assert.equal(between.refusalCount, 1)
    assert.equal(settled(answered(403), { ...between, tryCount: 3 }).state, 'rejected')
  })

  test('410 has no further try and flags the endpoint as gone', () => {
    const settlement = settled(answered(410))
    assert.deepEqual(brief(settlement), ['rejected', 'gone', 'http.gone'])
    assert.equal(settlement.endpointSign, 'gone')
  })

  const recoverable: readonly [number, string][] = [
    [408, 'http.timeout'],
    [425, 'http.unexpected_status'],
    [429, 'http.rate_limited'],
    [500, 'http.server_error'],
    [501, 'http.server_error'],
    [502, 'http.server_error'],
    [503, 'http.server_error'],
    [504, 'http.server_error'],
    [599, 'http.server_error'],
  ]
  for (const [status, reason] of recoverable) {
    test(`${status} gets the full schedule, Retry-After honoured; unconfirmed at the horizon`, () => {
      const next = settled(answered(status))
      assert.deepEqual(brief(next), ['pending', null, reason])
      assert.equal(next.dueAt, at + (retryDelaysMs[1] as number))
      assert.equal(next.endpointSign, 'silent')
      assert.equal(settled(answered(status, { retryAfterSeconds: 300 })).dueAt, at + 300_000)
      assert.equal(settled(answered(status), { horizonAt: at }).state, 'unconfirmed')
    })
  }

  test('501 and 504 say in the evidence what they meant in early drafts', () => {
    assert.match(settled(answered(501)).attempt.detail ?? '', /early drafts/)
    assert.match(settled(answered(504)).attempt.detail ?? '', /early drafts/)
    assert.equal(settled(answered(500)).attempt.detail, null)
  })

  for (const reason of ['net.refused', 'dns.not_found', 'net.timeout', 'tls.expired']) {
    test(`${reason} without a connection gets the full schedule and ends as unreachable with its reason`, () => {
      assert.equal(settled(noAnswer(reason, false)).dueAt, at + 2000)
      assert.deepEqual(brief(settled(noAnswer(reason, false), { horizonAt: at })), [
        'unreachable',
        null,
        reason,
      ])
    })
  }

  test('a reset or a read time-out on a connection ends as unconfirmed, since it may have worked (R11)', () => {
    for (const reason of ['net.reset', 'http.timeout']) {
      assert.equal(settled(noAnswer(reason, true), { horizonAt: at }).state, 'unconfirmed')
    }
  })

  test('one try that had a connection makes the verdict unconfirmed, also when later ones had none (R11)', () => {
    assert.equal(
      settled(noAnswer('net.refused', false), { hadConnection: true, horizonAt: at }).state,
      'unconfirmed',
    )
  })

  test('a TLS failure keeps what was seen of the certificate chain', () => {
    const outcome = { ...noAnswer('tls.untrusted_root', false), certificate: '{"chain":[]}' } as TryOutcome
    assert.equal(settled(outcome).attempt.certificate, '{"chain":[]}')
  })

  test('an address that our policy forbids is blocked, at connecting or before signing', () => {
    const sent = settled({
      kind: 'blocked',
      reason: 'policy.private_address',
      detail: '10.0.0.1',
      durationMs: 1,
    })
    const refused = {
      refused: true,
      kind: 'blocked',
      reason: 'policy.port',
      address: 'https://a.example:1',
    } as const
    assert.deepEqual(brief(sent), ['blocked', null, 'policy.private_address'])
    assert.deepEqual(brief(settled(refused)), ['blocked', null, 'policy.port'])
    assert.equal(sent.endpointSign, 'none')
  })

  test('an application that has no address any more ends as unreachable, or unconfirmed if a try had a connection (D13)', () => {
    const gone = { refused: true, kind: 'no_channel', reason: 'config.no_channel', address: '' } as const
    assert.deepEqual(brief(settled(gone)), ['unreachable', null, 'config.no_channel'])
    assert.equal(settled(gone, { hadConnection: true }).state, 'unconfirmed')
  })

  test('five exceptions of our own end a delivery as our fault, and say nothing about the endpoint (D17)', () => {
    const internal = { kind: 'internal', reason: 'internal.error', detail: 'boom' } as const
    const fourth = settled(internal, { internalCount: 3 })
    assert.deepEqual([fourth.state, fourth.internalCount, fourth.endpointSign], ['pending', 4, 'none'])
    assert.deepEqual(brief(settled(internal, { internalCount: 4 })), ['unreachable', null, 'internal.error'])
    assert.equal(settled(internal, { internalCount: 4, hadConnection: true }).state, 'unconfirmed')
  })

  test('a lease given back before anything was sent is not a try (D5)', () => {
    const settlement = settled({ kind: 'not_sent' }, { tryCount: 3 })
    assert.deepEqual([settlement.state, settlement.tryCount, settlement.dueAt], ['pending', 2, at])
    assert.equal(settlement.attempt.outcome, 'not_sent')
  })

  test('two refusals beside a clock that is three minutes slow carry the skew, computed from Date (R19)', () => {
    const slow = answered(400, { answerDate: at - 180_000, answer: '{"error":"invalid_request"}' })
    assert.equal(settled(slow).reason, 'app.rejects_other')
    const second = settled(slow, { refusalCount: 1 })
    assert.deepEqual([second.state, second.reason], ['rejected', 'clock.skew'])
    assert.match(second.attempt.detail ?? '', /180 s behind/)
    assert.equal(
      settled(answered(400, { answerDate: at - 59_000 }), { refusalCount: 1 }).reason,
      'app.rejects_other',
    )
  })

  const bodies: readonly [string, string][] = [
    ['{"error_description":"signature verification failed"}', 'app.rejects_signature'],
    ['{"error_description":"no matching key in JWKS"}', 'app.rejects_signature'],
    ['{"error_description":"unexpected iss claim"}', 'app.rejects_issuer'],
    ['{"error_description":"aud mismatch"}', 'app.rejects_audience'],
    ['{"error_description":"typ must be logout+jwt"}', 'app.rejects_typ'],
    ['{"error_description":"token expired"}', 'app.rejects_time'],
    ['{"error_description":"sid required"}', 'app.rejects_sid'],
    ['{"error_description":"sub not allowed"}', 'app.rejects_sub'],
    ['{"error_description":"jti was used"}', 'app.rejects_replay'],
    ['{"error":"missing logout_token"}', 'http.media_type'],
    ["DisallowedHost: Invalid HTTP_HOST header: 'crm'", 'http.bad_host'],
    ['<html>', 'app.rejects_other'],
  ]
  for (const [answer, reason] of bodies) {
    test(`a 400 that says ${answer} has the reason ${reason}`, () => {
      assert.equal(settled(answered(400, { answer })).reason, reason)
    })
  }

  test('at most 2 KB of an answer are stored, and no byte that a database refuses (T2)', () => {
    const stored = settled(answered(500, { answer: `\0\ud800${'x'.repeat(5000)}` })).attempt.answer ?? ''
    assert.equal(Buffer.byteLength(stored), 2048)
    assert.ok(stored.isWellFormed() && !stored.includes('\0'))
  })
})

describe('the state machine of a delivery', () => {
  const outcomes = fc.oneof(
    fc.integer({ min: 200, max: 599 }).map((status) => answered(status)),
    fc.boolean().map((hadConnection) => noAnswer('net.reset', hadConnection)),
    fc.constant<TryOutcome>({ kind: 'internal', reason: 'internal.error', detail: 'x' }),
    fc.constant<TryOutcome>({ kind: 'blocked', reason: 'policy.port', detail: 'x', durationMs: 1 }),
    fc.constant<TryOutcome>({ kind: 'not_sent' }),
  )

  test('I4: whatever happens at each try, it ends truthfully and by its horizon', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(outcomes, fc.nat(999)), { minLength: 1, maxLength: 60 }), (tries) => {
        let now = at
        let history: TryHistory = { ...triedDelivery({ kind: 'not_sent' }).leased.tried, tryCount: 0 }
        let yes = 0
        let connected = false
        let refusals = 0
        for (const [outcome, thousandths] of tries) {
          now = Math.max(now, history.dueAt)
          const before = { ...history, tryCount: history.tryCount + 1 }
          const tried = triedDelivery(outcome, before)
          const next = settle(tried, thousandths / 1000, now)
          assertSound(tried, next)
          if (outcome.kind === 'answered') {
            connected = true
            if (outcome.status < 300) yes += 1
            if (next.attempt.outcome === 'refused') refusals += 1
          }
          connected ||= outcome.kind === 'no_answer' && outcome.hadConnection
          assert.equal(
            next.state === 'accepted',
            yes > 0,
            'accepted exactly when an accepting answer was read',
          )
          assert.ok(refusals <= 2 && next.refusalCount === refusals)
          if (next.state === 'unreachable') assert.ok(!connected)
          if (next.state === 'unconfirmed') assert.ok(connected)
          if (isTerminal(next.state)) return
          assert.ok(next.dueAt <= horizonAt && now <= horizonAt + 1)
          if (outcome.kind !== 'not_sent') assert.ok(next.dueAt > now || now >= horizonAt)
          history = { ...history, ...next }
        }
      }),
      { numRuns: 2000 },
    )
  })

  test('a fault of the egress proxy costs no try and says nothing of the application', () => {
    const outcome: TryOutcome = {
      kind: 'no_answer',
      reason: 'proxy.refused',
      detail: 'the proxy answered 503',
      hadConnection: false,
      isProxyFault: true,
      durationMs: 5,
    }
    const next = settled(outcome, { tryCount: 3 })
    assert.deepEqual(
      [next.state, next.tryCount, next.endpointSign, next.hadConnection],
      ['pending', 2, 'none', false],
    )
    assert.equal(next.dueAt, at + proxyRetryDelayMs)
    assert.equal(settle(triedDelivery(outcome, { horizonAt: at }), middle, at).state, 'unreachable')
  })

  test('D16: a try that our own stop ended before anything left is not one', () => {
    const next = settled(noAnswer('internal.stopped', false), { tryCount: 1 })
    assert.deepEqual([next.state, next.tryCount, next.attempt.outcome], ['pending', 0, 'not_sent'])
    const sent = settled(noAnswer('internal.stopped', true), { tryCount: 1 })
    assert.deepEqual([sent.tryCount, sent.hadConnection, sent.attempt.outcome], [1, true, 'recoverable'])
  })

  test('a delivery that is never answered has 16 tries by the schedule and ends at its horizon', () => {
    let now = at
    let history: TryHistory = { ...triedDelivery({ kind: 'not_sent' }).leased.tried, tryCount: 0 }
    for (let count = 1; ; count++) {
      now = history.dueAt
      const next = settle(
        triedDelivery(noAnswer('net.refused', false), { ...history, tryCount: count }),
        middle,
        now,
      )
      if (next.state !== 'pending') {
        assert.deepEqual([next.state, count, now], ['unreachable', 17, horizonAt])
        return
      }
      history = { ...history, ...next }
    }
  })
})
