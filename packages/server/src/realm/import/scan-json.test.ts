import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { memberPath, positionAt, scanJson } from './scan-json.ts'

describe('the position of a fault in JSON', () => {
  const cases: Record<string, [offset: number, expected: string]> = {
    '': [0, 'a value'],
    '{': [1, 'a name in double quotes'],
    '{"a" 1}': [5, '":"'],
    '{"a":1 "b":2}': [7, '"," or "}"'],
    '{"a":1,}': [7, 'a name in double quotes'],
    '[1,]': [3, 'a value'],
    '[1 2]': [3, '"," or "]"'],
    '["a\nb"]': [1, 'a closed string without raw control characters'],
    '["abc': [1, 'a closed string without raw control characters'],
    '{} x': [3, 'the end of the file'],
    '[01]': [2, '"," or "]"'],
    "{'a':1}": [1, 'a name in double quotes'],
    '{"a":1,"b":{"a":2},"a":3}': [19, 'a name that is not "a" again'],
    '{"a":1,"\\u0061":2}': [7, 'a name that is not "a" again'],
    '{"x":{"__proto__":{}}}': [6, 'a name that is not "__proto__"'],
    '["\\\\u0000","\\u0000"]': [11, 'a text without U+0000'],
    '{"\\u0000":1}': [1, 'a text without U+0000'],
    '[undefined]': [1, 'a value'],
  }
  for (const [text, [offset, expected]] of Object.entries(cases)) {
    test(`${JSON.stringify(text)} breaks at ${offset}`, () =>
      assert.deepEqual(scanJson(text), { offset, expected }))
  }

  test('it finds a fault exactly where JSON.parse refuses', () => {
    const broken = fc.tuple(fc.json(), fc.nat(), fc.string()).map(([text, at, extra]) => {
      const cut = at % (text.length + 1)
      return text.slice(0, cut) + extra + text.slice(cut + extra.length)
    })
    fc.assert(
      fc.property(fc.oneof(fc.json(), broken), (text) => {
        let isRefused = false
        try {
          JSON.parse(text)
        } catch {
          isRefused = true
        }
        const fault = scanJson(text)
        const isStricter = /again|__proto__|U\+0000/.test(fault?.expected ?? '')
        assert.equal(fault !== undefined && !isStricter, isRefused && !isStricter, text)
      }),
      { numRuns: 2000 },
    )
  })

  test('a file nested without end is refused, not overflowed', () => {
    assert.equal(scanJson('['.repeat(100_000))?.expected, 'at most 200 levels')
  })

  test('values are found by their path, and offsets become lines and columns', () => {
    const text = '{\n  "clients": [\n    {},\n    { "attributes": { "a.b": 1 } }\n  ]\n}'
    const found = new Map<string, number>()
    assert.equal(
      scanJson(text, (path, offset) => found.set(path, offset)),
      undefined,
    )
    assert.deepEqual(positionAt(text, found.get('clients[1].attributes["a.b"]') ?? 0), {
      line: 4,
      column: 30,
    })
    assert.deepEqual(positionAt(text, 0), { line: 1, column: 1 })
    assert.equal(memberPath('a', 'b'), 'a.b')
    assert.equal(memberPath('', 'b.c'), '["b.c"]')
  })
})
