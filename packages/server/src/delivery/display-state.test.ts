import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type DeliveryState, deliveryStates, isTerminal } from './delivery.ts'
import { displayState, summarize } from './display-state.ts'
import type { DeliveryView } from './read-sign-out.ts'

const at = Date.UTC(2026, 10, 22, 10, 42)

function delivery(state: DeliveryState, over: Partial<DeliveryView> = {}): DeliveryView {
  return {
    id: 'dl_1',
    signOutId: 'so_1',
    channel: 'oidc-back-channel',
    generation: 1,
    state,
    detail: undefined,
    reason: undefined,
    address: 'https://crm.example/logout',
    priority: 'high',
    dueAt: at,
    horizonAt: at + 1000,
    createdAt: at - 310,
    settledAt: isTerminal(state) ? at : undefined,
    triedAt: undefined,
    tryCount: 0,
    pausedUntil: undefined,
    replay: undefined,
    attempts: [],
    ...over,
  }
}

function shown(deliveries: readonly DeliveryView[], expiresAt?: number, askedForIt = false) {
  return displayState({ isOwed: false, deliveries, expiresAt }, at, askedForIt)
}

test('an application that said no and gets its second chance is not said to have been silent', () => {
  const attempt = {
    number: 1,
    startedAt: at - 300,
    finishedAt: at - 200,
    outcome: 'refused',
    status: 400,
    reason: 'app.rejects_other',
    detail: undefined,
    durationMs: 100,
    address: undefined,
    jti: undefined,
    kid: undefined,
    tokenHash: undefined,
    certificate: undefined,
    answer: undefined,
  } as const
  const waiting = delivery('pending', { tryCount: 1, dueAt: at + 60_000, attempts: [attempt] })
  assert.deepEqual(shown([waiting]), { word: 'not_yet', sentence: 'did_not_accept', nextAt: at + 60_000 })
})

describe('the word for a delivery (experience.md §3.2)', () => {
  test('accepted is "Signed out", with the time it took', () => {
    assert.deepEqual(shown([delivery('accepted')]), { word: 'signed_out', sentence: 'told', tookMs: 310 })
  })
  test('accepted with no session there is "Signed out" too', () => {
    assert.equal(shown([delivery('accepted', { detail: 'no_session' })]).sentence, 'had_no_session')
    assert.equal(shown([delivery('accepted', { detail: 'no_session' })]).word, 'signed_out')
  })
  test('leased, or pending with no try yet, is "Signing out"', () => {
    assert.equal(shown([delivery('leased', { tryCount: 1 })]).word, 'signing_out')
    assert.equal(shown([delivery('pending')]).word, 'signing_out')
  })
  test('pending after a try is "Not yet", with the next try', () => {
    assert.deepEqual(shown([delivery('pending', { tryCount: 1, dueAt: at + 8000 })]), {
      word: 'not_yet',
      sentence: 'did_not_answer',
      nextAt: at + 8000,
    })
  })
  test('pending at an address that is paused is "Not yet", with the end of the pause', () => {
    assert.deepEqual(shown([delivery('pending', { pausedUntil: at + 30_000 })]), {
      word: 'not_yet',
      sentence: 'address_paused',
      nextAt: at + 30_000,
    })
  })
  test('rejected is "Could not": it did not accept', () => {
    assert.deepEqual(shown([delivery('rejected')]), { word: 'could_not', sentence: 'did_not_accept' })
  })
  test('blocked is "Could not": contact is not allowed', () => {
    assert.deepEqual(shown([delivery('blocked')]), { word: 'could_not', sentence: 'not_allowed' })
  })
  test('unconfirmed is "Could not": no clear answer, or asked in this browser', () => {
    assert.deepEqual(shown([delivery('unconfirmed')]), { word: 'could_not', sentence: 'no_clear_answer' })
    const frame = delivery('unconfirmed', { channel: 'oidc-front-channel' })
    assert.deepEqual(shown([frame]), { word: 'could_not', sentence: 'asked_in_browser' })
  })
  test('unreachable is "Could not": it could not be reached, or the browser was not asked', () => {
    assert.deepEqual(shown([delivery('unreachable')]), {
      word: 'could_not',
      sentence: 'could_not_be_reached',
    })
    const frame = delivery('unreachable', { channel: 'oidc-front-channel' })
    assert.deepEqual(shown([frame]), { word: 'could_not', sentence: 'not_asked_in_browser' })
  })
  test('no channel is "Not supported", with the known end of the session there', () => {
    assert.deepEqual(shown([], at + 5000), {
      word: 'not_supported',
      sentence: 'no_channel',
      endsAt: at + 5000,
    })
    assert.deepEqual(shown([]), { word: 'not_supported', sentence: 'no_channel' })
  })
  test('cancelled because the session there is gone is "Ended by itself"', () => {
    const state = shown([delivery('cancelled', { detail: 'session_gone' })])
    assert.deepEqual(state, { word: 'ended_by_itself', sentence: 'session_over', endsAt: at })
  })
  test('cancelled because of a newer session there is "Could not"', () => {
    const state = shown([delivery('cancelled', { detail: 'signed_in_again' })])
    assert.deepEqual(state, { word: 'could_not', sentence: 'signed_in_again' })
  })
  test('no channel, and the known end of the session there has passed, is "Ended by itself"', () => {
    assert.deepEqual(shown([], at), { word: 'ended_by_itself', sentence: 'session_over', endsAt: at })
  })
  test('cancelled by an administrator is "Could not"', () => {
    const state = shown([delivery('cancelled', { detail: 'operator' })])
    assert.deepEqual(state, { word: 'could_not', sentence: 'stopped_by_administrator' })
  })
  test('the SAML application that sent the LogoutRequest is "Signed out"', () => {
    assert.deepEqual(shown([], undefined, true), { word: 'signed_out', sentence: 'asked_for_it' })
  })
  test('a "Could not" gains the end of the session there when it has passed; the word stays', () => {
    assert.deepEqual(shown([delivery('rejected')], at - 1), {
      word: 'could_not',
      sentence: 'did_not_accept',
      endsAt: at - 1,
    })
  })
  test('an acceptance that is only stored or partial never counts as signed out (I9)', () => {
    assert.deepEqual(shown([delivery('accepted', { detail: 'stored' })]).word, 'could_not')
    assert.deepEqual(shown([delivery('accepted', { detail: 'partial' })]).sentence, 'only_in_part')
  })
  test('every state of a row has a word', () => {
    for (const state of deliveryStates) assert.ok(shown([delivery(state)]).word)
  })
})

describe('an application with several deliveries', () => {
  test('counts by the best of them (SR-15)', () => {
    assert.equal(shown([delivery('unconfirmed'), delivery('accepted')]).word, 'signed_out')
    assert.equal(shown([delivery('rejected'), delivery('pending')]).word, 'signing_out')
    assert.equal(
      shown([delivery('rejected'), delivery('accepted', { detail: 'stored' })]).sentence,
      'only_received',
    )
  })
})

describe('the summary', () => {
  test('"Not supported" and "Could not" never count as done', () => {
    const words = [
      'signed_out',
      'ended_by_itself',
      'signing_out',
      'not_yet',
      'could_not',
      'not_supported',
    ] as const
    assert.deepEqual(summarize(words.map((word) => ({ word }))), {
      total: 6,
      done: 2,
      pending: 2,
      failed: 1,
      unsupported: 1,
    })
  })
})

describe('R25: what a newer version has written', () => {
  test('is open while it is not settled, and never a yes: neither an unknown state nor an unknown detail of a known one', () => {
    const unknown = (over: Partial<DeliveryView>) => shown([delivery('accepted', over)])
    const unclear = { word: 'could_not', sentence: 'no_clear_answer' }
    assert.deepEqual(unknown({ state: 'handed_over' }), unclear)
    assert.deepEqual(unknown({ state: 'on_hold', settledAt: undefined }), {
      word: 'signing_out',
      sentence: 'in_progress',
    })
    assert.deepEqual(unknown({ detail: 'queued' }), unclear)
    assert.deepEqual(unknown({ state: 'cancelled', detail: 'superseded' }), unclear)
  })

  test('hides neither a better verdict beside it nor that something is still open', () => {
    const newer = delivery('accepted', { state: 'handed_over' })
    assert.equal(shown([newer, delivery('accepted')]).word, 'signed_out')
    assert.equal(shown([newer, delivery('pending')]).word, 'signing_out')
    assert.equal(shown([newer], undefined, true).word, 'could_not', 'also for the one that asked')
  })
})
