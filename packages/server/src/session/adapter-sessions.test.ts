import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { adapterSessionsOf, withAdapterSession } from './adapter-sessions.ts'

function stored(...pairs: readonly (readonly [string, string])[]): string | undefined {
  return pairs.reduce<string | undefined>((text, [sid, id]) => withAdapterSession(text, sid, id), undefined)
}

describe('the sessions of an application that an adapter named (KK-53)', () => {
  test('are told all of them, each once, the latest last', () => {
    const adapterSessions = stored(['s', 'one'], ['s', 'two'], ['s', 'one'])
    assert.deepEqual(adapterSessionsOf({ adapterSessions, sid: 's', endedAt: undefined }, 's'), [
      'two',
      'one',
    ])
    assert.deepEqual(adapterSessionsOf({ adapterSessions: undefined, sid: 's', endedAt: undefined }, 's'), [])
  })

  test('of an application that came back are told apart, and what it goes on with is left alone (I13)', () => {
    const adapterSessions = stored(['old', 'one'], ['old', 'two'], ['new', 'two'], ['new', 'three'])
    const now = { adapterSessions, sid: 'new', endedAt: undefined }
    assert.deepEqual(adapterSessionsOf(now, 'old'), ['one'])
    assert.deepEqual(adapterSessionsOf(now, 'new'), ['two', 'three'])
    assert.deepEqual(adapterSessionsOf({ ...now, endedAt: 1 }, 'old'), ['one', 'two'])
  })

  test('are at most 16 of 255 characters, and a name that is none is not kept', () => {
    const many = Array.from({ length: 20 }, (_, index) => ['s', `id ${index}`] as const)
    const kept = adapterSessionsOf({ adapterSessions: stored(...many), sid: 's', endedAt: undefined }, 's')
    assert.deepEqual([kept.length, kept[0], kept.at(-1)], [16, 'id 4', 'id 19'])
    assert.equal(stored(['s', 'a\nother b'], ['s', 'x'.repeat(256)]), undefined)
  })
})
