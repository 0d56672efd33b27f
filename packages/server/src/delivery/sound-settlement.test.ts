import assert from 'node:assert/strict'
import { test } from 'node:test'
import { answered, testStartAt as at, noAnswer, triedDelivery } from '../../test/support/delivery-facts.ts'
import type { Settlement, TryHistory, TryOutcome } from './delivery.ts'
import { settle } from './settle.ts'
import { assertSound } from './sound-settlement.ts'

const lies: readonly (readonly [string, TryOutcome, Partial<TryHistory>, Partial<Settlement>])[] = [
  ['accepted without an answer', noAnswer('net.reset', true), {}, { state: 'accepted' }],
  ['accepted by a no', answered(400), {}, { state: 'accepted' }],
  ['rejected without an answer', noAnswer('net.refused', false), {}, { state: 'rejected' }],
  ['unreachable although it answered', answered(503), {}, { state: 'unreachable' }],
  [
    'forgetful of a connection',
    noAnswer('net.refused', false),
    { hadConnection: true },
    { hadConnection: false },
  ],
  ['a try more than was claimed', answered(200), {}, { tryCount: 2 }],
  ['due after its horizon', answered(503), {}, { dueAt: at + 73 * 3_600_000 }],
]

test('I4, I6, I16: a settlement that cannot be true is refused before it is stored', () => {
  for (const [title, outcome, history, lie] of lies) {
    const tried = triedDelivery(outcome, history)
    const honest = settle(tried, 0.5, at)
    assertSound(tried, honest)
    assert.throws(() => assertSound(tried, { ...honest, ...lie }), /^AssertionError.*: I\d+: /, title)
  }
})
