import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readParameters } from './parameters.ts'

test('an empty parameter counts as absent (RIL-29, KK-04)', () => {
  const read = readParameters(new URLSearchParams('code=&state=x'))
  assert.ok(read.ok)
  assert.deepEqual({ ...read.values }, { state: 'x' })
})

test('a parameter sent twice is named and refused, even when one of the two is empty (KL-09)', () => {
  assert.deepEqual(readParameters(new URLSearchParams('a=1&state=x&state=')), {
    ok: false,
    duplicate: 'state',
  })
})

test('a parameter called __proto__ is a value like any other', () => {
  const read = readParameters(new URLSearchParams('__proto__=polluted'))
  assert.ok(read.ok)
  assert.equal(read.values['__proto__'], 'polluted')
  assert.equal(({} as Record<string, unknown>)['polluted'], undefined)
})
