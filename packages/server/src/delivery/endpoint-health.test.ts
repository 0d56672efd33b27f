import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { defaultDeliverySettings, type EndpointSign } from './delivery.ts'
import {
  type EndpointHealth,
  healthAfter,
  healthyEndpoint,
  isAtRest,
  pacedAfter,
  roomAt,
} from './endpoint-health.ts'

const at = Date.UTC(2026, 10, 22)
const settings = { ...defaultDeliverySettings, leasedPerEndpointMax: 8 }

function after(
  signs: readonly EndpointSign[],
  from: EndpointHealth = healthyEndpoint,
  now = at,
): EndpointHealth {
  return signs.reduce((health, sign) => healthAfter(health, sign, settings, now), from)
}

const opened = after(Array(5).fill('silent'))

describe('the breaker (D8)', () => {
  test('opens for 30 s after five failures in a row that may recover', () => {
    assert.equal(after(Array(4).fill('silent')).openUntil, null)
    assert.equal(opened.openUntil, at + 30_000)
    assert.deepEqual(roomAt(opened, 0, settings, at), { count: 0, askAgainAt: at + 30_000 })
  })

  test('counts failures in a row: any answer, also a no, shows that somebody is there', () => {
    assert.equal(after(['silent', 'silent', 'silent', 'silent', 'answered', 'silent']).openUntil, null)
    assert.equal(after(['silent', 'silent', 'silent', 'silent', 'none', 'silent']).openUntil, at + 30_000)
  })

  test('lets one probe through when half-open', () => {
    assert.equal(roomAt(opened, 0, settings, at + 30_000).count, 1)
    assert.equal(roomAt(opened, 1, settings, at + 30_000).count, 0)
  })

  test('doubles its pause with each probe that fails, up to 10 minutes, and never gives up', () => {
    let health = opened
    const pauses: number[] = []
    for (let round = 0; round < 8; round++) {
      const probeAt = health.openUntil as number
      health = healthAfter(health, 'silent', settings, probeAt)
      pauses.push(((health.openUntil as number) - probeAt) / 1000)
    }
    assert.deepEqual(pauses, [60, 120, 240, 480, 600, 600, 600, 600])
  })

  test('is not lengthened by a try that began before it opened', () => {
    assert.equal(healthAfter(opened, 'silent', settings, at + 1000).openUntil, opened.openUntil)
  })

  test('stays half-open when the probe said nothing about the endpoint', () => {
    const health = healthAfter(opened, 'none', settings, at + 30_000)
    assert.equal(roomAt(health, 0, settings, at + 30_000).count, 1)
  })
})

describe('the ramp after a recovery (D9)', () => {
  test('allows one at a time, doubling with each ten successes, until the normal limit holds', () => {
    let health = healthAfter(opened, 'accepted', settings, at + 30_000)
    assert.equal(health.recoveredAt, at + 30_000)
    const limits: number[] = []
    for (let success = 0; success <= 30; success++) {
      if (success % 10 === 0)
        limits.push(roomAt(health, 0, { ...settings, ratePerEndpoint: 1000 }, at + 60_000).count)
      health = healthAfter(health, 'accepted', settings, at + 60_000)
    }
    assert.deepEqual(limits, [1, 2, 4, 8])
    assert.ok(isAtRest(health))
  })

  test('a failure in it starts the ten successes again', () => {
    const health = after(
      ['accepted', ...Array(9).fill('accepted'), 'silent', 'accepted'],
      opened,
      at + 30_000,
    )
    assert.equal(health.rampLimit, 1)
  })
})

describe('the ceiling on the rate', () => {
  test('holds at all times: no second has more than the rate and one burst', () => {
    const rate = { leasedPerEndpointMax: 2, ratePerEndpoint: 50 }
    let health = healthyEndpoint
    const times: number[] = []
    for (let now = at; now < at + 5000; now++) {
      const { count } = roomAt(health, 0, rate, now)
      for (let index = 0; index < count; index++) times.push(now)
      if (count > 0) health = { ...health, pacedUntil: pacedAfter(health, count, rate, now) }
    }
    assert.ok(times.length >= 245, `${times.length} in 5 s`)
    for (const start of times) {
      assert.ok(times.filter((time) => time >= start && time < start + 1000).length <= 52)
    }
  })

  test('says when to ask again, and then there is room', () => {
    const rate = { leasedPerEndpointMax: 2, ratePerEndpoint: 50 }
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 16 }), fc.integer({ min: 1, max: 1000 }), (limit, perSecond) => {
        const of = { leasedPerEndpointMax: limit, ratePerEndpoint: perSecond }
        const used = { ...healthyEndpoint, pacedUntil: pacedAfter(healthyEndpoint, limit, of, at) }
        const room = roomAt(used, 0, of, at)
        assert.equal(room.count, 0)
        assert.ok(roomAt(used, 0, of, room.askAgainAt as number).count >= 1)
      }),
    )
    assert.equal(roomAt(healthyEndpoint, 2, rate, at).askAgainAt, undefined)
  })

  test('is not silenced by a process whose clock runs five minutes ahead (R18)', () => {
    const health = { ...healthyEndpoint, pacedUntil: at + 300_000 }
    assert.ok(roomAt(health, 0, settings, at).count > 0)
  })
})

describe('an endpoint that answered 410', () => {
  test('is flagged and still tried by later sign-outs, until it accepts again (D8)', () => {
    const gone = after(['gone'])
    assert.equal(gone.isGone, true)
    assert.ok(roomAt(gone, 0, settings, at).count > 0)
    assert.equal(after(['answered'], gone).isGone, true)
    assert.equal(after(['accepted'], gone).isGone, false)
  })
})
