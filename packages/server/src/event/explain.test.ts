import assert from 'node:assert/strict'
import { test } from 'node:test'
import { describeEnd } from './explain.ts'

const at = Date.parse('2026-11-22T12:00:00Z')

test('an end of today is told with its time and its cause', () => {
  const end = { cause: 'administrator', committedAt: Date.parse('2026-11-22T10:42:31Z') } as const
  assert.equal(describeEnd(end, at), 'ended at 10:42 by an administrator')
})

test('an end of another day is told with its day', () => {
  const end = { cause: 'password_reset', committedAt: Date.parse('2026-11-20T23:59:59Z') } as const
  assert.equal(describeEnd(end, at), 'ended on 2026-11-20 at 23:59 because the password was reset')
})
