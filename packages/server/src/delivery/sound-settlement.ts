/**
 * What no settlement may be, whatever made it: asserted before it is stored, in production too. The rest of these
 * invariants is held by the table itself: one state of eight, a lease exactly while leased, an end exactly when terminal,
 * outcomes under the current fence alone (I5, I7).
 */
import assert from 'node:assert/strict'
import { isTerminal, type Settlement, type TriedDelivery } from './delivery.ts'

/** @throws AssertionError when the settlement would not be true (I4) or would leave its bounds (I6, I16) */
export function assertSound({ outcome, leased: { tried } }: TriedDelivery, settlement: Settlement): void {
  const { state, hadConnection, tryCount, attempt } = settlement
  const wasAnswered = 'kind' in outcome && outcome.kind === 'answered'
  if (state === 'accepted') {
    assert(
      wasAnswered && outcome.status >= 200 && outcome.status < 300,
      'I4: accepted is an accepting answer',
    )
  }
  if (state === 'rejected') assert(wasAnswered, 'I4: rejected is an answer')
  if (state === 'unreachable') assert(!hadConnection, 'I4: unreachable never had a connection')
  assert(hadConnection || !tried.hadConnection, 'I4: a connection that was had is not forgotten')
  assert(tryCount >= 0 && tryCount <= tried.tryCount, 'I6: a try is counted by its claim alone')
  assert(
    isTerminal(state) || settlement.dueAt <= Math.max(tried.horizonAt, tried.dueAt),
    'I4: by its horizon',
  )
  assert(Buffer.byteLength(attempt.answer ?? '') <= 2048, 'I16: of an answer at most 2 KB')
}
