import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { chooseClaims, type Slots } from './choose-claims.ts'
import type { Candidate, EndpointRow } from './claim-row.ts'
import { defaultDeliverySettings } from './delivery.ts'

const at = Date.UTC(2026, 10, 22)
const plenty: Slots = { total: 100, high: 80, low: 80 }

function endpoint(id: string, over: Partial<EndpointRow> = {}): EndpointRow {
  return {
    id,
    realm_id: 'demo',
    client_id: id,
    channel: 'oidc-back-channel',
    failure_count: 0,
    opened_count: 0,
    open_until: null,
    recovered_at: null,
    ramp_limit: null,
    ramp_success_count: 0,
    paced_until: 0,
    last_success_at: null,
    last_failure_at: null,
    last_reason: null,
    is_gone: 0,
    p95_ms: null,
    ...over,
  }
}

function candidates(endpointId: string, count: number, over: Partial<Candidate> = {}): readonly Candidate[] {
  return Array.from({ length: count }, (_, index) => ({
    id: `${endpointId}-${over.priority ?? 0}-${index}`,
    sign_out_id: 'so_1',
    realm_id: 'demo',
    session_uid: `s${index}`,
    client_id: endpointId,
    sid: `sid-${endpointId}-${over.priority ?? 0}-${index}`,
    sub: 'alice',
    issuer: 'https://op.example/realms/demo',
    channel: 'oidc-back-channel',
    generation: 1,
    endpoint_id: endpointId,
    address: 'https://wiki.example/logout',
    priority: 0,
    due_at: at,
    fence: 0,
    attempt_count: 0,
    refusal_count: 0,
    internal_count: 0,
    had_connection: 0,
    horizon_at: at + 1,
    created_at: at,
    leased_count: 0,
    ...over,
  }))
}

function choose(
  endpoints: readonly EndpointRow[],
  rows: readonly Candidate[],
  slots = plenty,
  isLowFirst = false,
) {
  return chooseClaims(defaultDeliverySettings, { endpoints, candidates: rows, slots, isLowFirst }, at)
}

describe('which due rows are claimed', () => {
  test('D3: at most two of an endpoint, counting those that are leased already', () => {
    assert.equal(choose([endpoint('a')], candidates('a', 3)).chosen.length, 2)
    assert.equal(choose([endpoint('a')], candidates('a', 3, { leased_count: 1 })).chosen.length, 1)
    const full = choose([endpoint('a')], candidates('a', 3, { leased_count: 2 }))
    assert.deepEqual([full.chosen.length, full.looks.get('a')], [0, { kind: 'when_settled' }])
  })

  test('an endpoint without more rows is not asked again', () => {
    assert.deepEqual(choose([endpoint('a')], candidates('a', 2)).looks.get('a'), { kind: 'idle' })
  })

  test('D8: nothing of an endpoint whose breaker is open, and it is asked again when the pause ends', () => {
    const choice = choose([endpoint('a', { open_until: at + 5000, failure_count: 5 })], [])
    assert.deepEqual(choice.looks.get('a'), { kind: 'at', at: at + 5000 })
  })

  test('D10: the high class takes the slots first, but never those that are kept for the low one', () => {
    const ids = Array.from({ length: 10 }, (_, index) => `e${index}`)
    const rows = ids.flatMap((id) => [...candidates(id, 2), ...candidates(id, 2, { priority: 1 })])
    const slots = { total: 10, high: 8, low: 8 }
    const classes = choose(
      ids.map((id) => endpoint(id)),
      rows,
      slots,
    ).chosen.map((row) => row.priority)
    assert.equal(classes.filter((priority) => priority === 0).length, 8)
    assert.equal(classes.filter((priority) => priority === 1).length, 2)
  })

  test('D10: in the share of claims where low goes first, it moves also at an endpoint that is always busy', () => {
    const rows = [...candidates('a', 3), ...candidates('a', 3, { priority: 1 })]
    assert.deepEqual(
      choose([endpoint('a')], rows, plenty, true).chosen.map((row) => row.priority),
      [1, 1],
    )
  })

  test('D11: of two rows with the same sid one is taken', () => {
    const rows = candidates('a', 2, { sid: 'same' })
    assert.equal(choose([endpoint('a')], rows).chosen.length, 1)
  })

  test('what finds no slot is asked for when a slot gets free', () => {
    const choice = choose([endpoint('a')], candidates('a', 2), { total: 1, high: 0, low: 1 })
    assert.deepEqual(
      [choice.chosen.length, choice.looks.get('a')],
      [0, { kind: 'when_slot_is_free', classes: ['high'] }],
    )
  })

  test('D9: the ceiling on the rate is taken from what is chosen', () => {
    const choice = choose([endpoint('a', { paced_until: at + 20 })], candidates('a', 3))
    assert.equal(choice.chosen.length, 1)
    assert.equal(choice.paced.get('a'), at + 40)
  })
})
