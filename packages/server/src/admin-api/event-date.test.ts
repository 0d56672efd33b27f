import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseEventDate } from './event-date.ts'

const day = Date.parse('2026-11-22T00:00:00Z')

test('a day begins at its midnight and ends before the next (KE-42)', () => {
  assert.equal(parseEventDate('2026-11-22', 'from'), day)
  assert.equal(parseEventDate('2026-11-22', 'until'), day + 86_400_000)
})

test('milliseconds include their own instant at both edges (KE-42)', () => {
  assert.equal(parseEventDate(String(day), 'from'), day)
  assert.equal(parseEventDate(String(day), 'until'), day + 1)
})

test('what is neither a day of the calendar nor a number is refused', () => {
  for (const text of ['', 'yesterday', '2026-02-30', '2026-13-01', '-5', '1e3', '2026-11-22T10:00:00Z']) {
    assert.equal(parseEventDate(text, 'from'), undefined, text)
  }
})
