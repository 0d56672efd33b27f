import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { nextTryAt, retryDelaysMs, secondChanceAt } from './retry-schedule.ts'

const at = Date.UTC(2026, 10, 22)
const horizonAt = at + 72 * 3_600_000
const middle = 0.5

describe('the retry schedule', () => {
  test('is the printed one: 16 tries over 71.9 hours, five of them in the first three minutes', () => {
    const hours = retryDelaysMs.reduce((sum, delay) => sum + delay, 0) / 3_600_000
    assert.equal(retryDelaysMs.length, 16)
    assert.equal(hours.toFixed(1), '71.9')
    let elapsed = 0
    const times = retryDelaysMs.map((delay) => (elapsed += delay))
    assert.equal(times.filter((time) => time <= 180_000).length, 5)
  })

  test('gives each delay after so many tries, without jitter in the middle of its range', () => {
    for (const [tryCount, delay] of retryDelaysMs.entries()) {
      assert.equal(nextTryAt(tryCount, horizonAt, middle, at), at + delay)
    }
  })

  test('lengthens or shortens a delay by a fifth at most', () => {
    assert.equal(nextTryAt(4, horizonAt, 0, at), at + 96_000)
    assert.equal(nextTryAt(4, horizonAt, 1, at), at + 144_000)
  })

  test('goes on with the last delay when tries were brought forward, because only the horizon ends a delivery', () => {
    assert.equal(nextTryAt(40, horizonAt, middle, at), at + 24 * 3_600_000)
  })

  test('cuts a due time beyond the horizon to the horizon, and has none at the horizon', () => {
    assert.equal(nextTryAt(15, at + 1000, middle, at), at + 1000)
    assert.equal(nextTryAt(15, at, middle, at), undefined)
    assert.equal(secondChanceAt(at + 10_000, at), at + 10_000)
    assert.equal(secondChanceAt(at, at), undefined)
  })

  test('Retry-After lengthens a delay, to 15 minutes at most, and never shortens it (F-15)', () => {
    assert.equal(nextTryAt(1, horizonAt, middle, at, 60), at + 60_000)
    assert.equal(nextTryAt(1, horizonAt, middle, at, 1e9), at + 900_000)
    assert.equal(nextTryAt(1, horizonAt, middle, at, -5), at + 2000)
    assert.equal(nextTryAt(8, horizonAt, middle, at, 1), at + 3_600_000)
  })

  test('never plans a try in the past or after the horizon, whatever it is given', () => {
    fc.assert(
      fc.property(
        fc.nat(100),
        fc.integer({ min: -1000, max: 80 * 3_600_000 }),
        fc.double({ min: 0, max: 0.999999, noNaN: true }),
        fc.integer({ min: -1e9, max: 1e9 }),
        (tryCount, horizonInMs, fraction, retryAfter) => {
          const next = nextTryAt(tryCount, at + horizonInMs, fraction, at, retryAfter)
          if (horizonInMs <= 0) assert.equal(next, undefined)
          else assert.ok(next !== undefined && next >= at && next <= at + horizonInMs)
        },
      ),
    )
  })
})
