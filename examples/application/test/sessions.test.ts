import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { test } from 'node:test'
import { createSessions, type RpSession } from '../sessions.ts'

const session = (sub: string, sid?: string): RpSession => ({ sub, sid, name: sub, idToken: 'token' })

test('a sid ends the one session that has it; a sub alone ends all of the person (BCL-22–24)', () => {
  const sessions = createSessions()
  const [first, second, other] = [session('a', 's1'), session('a', 's2'), session('b', 's3')].map((one) =>
    sessions.start(one),
  )
  assert.equal(sessions.endNamed({ sid: 's1', sub: 'a' }), 1)
  assert.equal(sessions.get(first), undefined)
  assert.equal(sessions.get(second)?.sid, 's2')
  assert.equal(sessions.endNamed({ sid: undefined, sub: 'a' }), 1)
  assert.equal(sessions.get(second), undefined)
  assert.equal(sessions.get(other)?.sub, 'b')
})

test('a session that was ended before it was stored does not begin', () => {
  const sessions = createSessions()
  assert.equal(sessions.endNamed({ sid: 'early', sub: 'a' }), 0)
  assert.equal(sessions.start(session('a', 'early')), undefined)
  assert.ok(sessions.start(session('a', 'later')))
})

test('a session has an id that cannot be guessed and ends when asked', () => {
  const sessions = createSessions()
  const id = sessions.start(session('a'))
  assert.match(id ?? '', /^[\w-]{43}$/)
  sessions.end(id)
  assert.equal(sessions.get(id), undefined)
  assert.equal(sessions.get(undefined), undefined)
})

test('sessions outlive their process when they have a folder, and ended ones stay ended', (t) => {
  const folder = mkdtempSync(path.join(tmpdir(), 'curfew-test-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const before = createSessions(folder)
  const [kept, ended] = [before.start(session('a', 's1')), before.start(session('b', 's2'))]
  before.end(ended)
  const afterwards = createSessions(folder)
  assert.deepEqual(afterwards.get(kept), session('a', 's1'))
  assert.equal(afterwards.get(ended), undefined)
})
