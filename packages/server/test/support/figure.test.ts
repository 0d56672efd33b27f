import assert from 'node:assert/strict'
import { test } from 'node:test'
import { describeBar, describeValue, isReached } from './figure.ts'

test('a figure is judged by its bar, and one without a bar is not', () => {
  const figure = { title: 'applications told late', value: 5, unit: 'ms' }
  assert.equal(isReached(figure), true)
  assert.deepEqual(
    [{ atMost: 5 }, { below: 5 }, { atLeast: 5 }, { atLeast: 6 }].map((bar) => isReached({ ...figure, bar })),
    [true, false, true, false],
  )
})

test('a value is told with the digits that it deserves', () => {
  assert.deepEqual(
    [1756.4, 34.26, 1.904, 0].map((value) => describeValue({ value, unit: '/s' })),
    ['1,756 /s', '34.3 /s', '1.9 /s', '0 /s'],
  )
  assert.equal(describeBar({ bar: { below: 500 }, unit: 'ms' }), '< 500 ms')
})
