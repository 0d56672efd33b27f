import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { jsonProblem } from './json-problem.ts'

describe('a body that is JSON', () => {
  test('is usable as deep as representations go, and no deeper, whatever its size (ASVS 15.3.5)', () => {
    const nested = (depth: number): unknown => JSON.parse(`${'['.repeat(depth)}1${']'.repeat(depth)}`)
    assert.equal(jsonProblem(nested(32)), undefined)
    assert.match(jsonProblem(nested(33)) ?? '', /nests deeper than 32/)
    assert.match(jsonProblem({ a: { b: nested(300_000) } }) ?? '', /nests deeper/)
    assert.equal(jsonProblem(Array.from({ length: 100_000 }, () => ({ name: ['x'] }))), undefined)
  })

  test('is refused with U+0000 in a value or in a name', () => {
    for (const body of ['a\0', { a: '\0' }, { 'a\0': 1 }, [{ list: ['x', '\0'] }]]) {
      assert.match(jsonProblem(body) ?? '', /U\+0000/)
    }
    for (const body of [undefined, null, '', 0, {}, { a: null, b: '\\u0000' }]) {
      assert.equal(jsonProblem(body), undefined)
    }
  })
})
