import assert from 'node:assert/strict'
import { test } from 'node:test'
import { forEachDatabase } from '../support/database.ts'
import { checkHistory, createCrashHistory } from './crash-history.ts'
import { planKills } from './plan-kills.ts'
import { runCrashes } from './run-crashes.ts'

const seed = Number(process.env['CURFEW_TEST_SEED'] ?? process.pid)

forEachDatabase('the server under kill -9', ({ dialect }) => {
  test(`loses no acknowledged sign-out and opens no closed door (I1, I3, I14, C-01, C-02, C-03), seed ${seed}`, async () => {
    const report = await runCrashes({ dialect, killCount: 4, seed, personCount: 4, sessionsPerSecond: 10 })
    assert.deepEqual(report.history.surprises, [])
    assert.deepEqual(report.lost, [], 'acknowledged, but never told')
    assert.deepEqual(report.unasked, [], 'told, but never asked')
    assert.deepEqual(report.history.openDoors, [])
    assert.deepEqual(report.repeatedTokens, [])
    assert.equal(report.doubleSignOutCount, 0)
    assert.equal(report.unsettledCount, 0)
    assert.ok(report.acknowledgedCount > 0)
    // a kill repeats at most what was in flight
    assert.ok(report.duplicateCount <= 25 * 4, `${report.duplicateCount} duplicates`)
  })
})

test('the checker of the crash runs finds what it is there to find', () => {
  const history = createCrashHistory()
  const session = (sid: string, isAcknowledged: boolean) => ({
    members: [{ clientId: 'wiki', sid, refreshToken: '' }],
    isAsked: isAcknowledged,
    isAcknowledged,
    askCount: 1,
  })
  history.sessions.push(session('lost', true), session('innocent', false), session('twice', true))
  const told = ['innocent', 'twice', 'twice'].map((sid) => ({ clientId: 'wiki', sid, jti: sid }))
  const stored = ['lost', 'innocent', 'twice'].map((sid) => ({
    clientId: 'wiki',
    sid,
    state: sid === 'innocent' ? 'active' : 'ended',
    signOutCount: 1,
  }))
  const verdict = checkHistory(history, told, stored)
  assert.deepEqual(verdict.lost, ['wiki/lost'])
  assert.deepEqual(verdict.unasked, ['wiki/innocent'])
  assert.equal(verdict.duplicateCount, 1)
  assert.deepEqual(verdict.repeatedTokens, ['twice'])
})

test('the same seed plans the same kills, at every gate in turn', () => {
  assert.deepEqual(planKills(60, 'postgres', 7), planKills(60, 'postgres', 7))
  const gates = planKills(60, 'sqlite', 7).flatMap((kill) => (kill.kind === 'gate' ? [kill.cliff.gate] : []))
  assert.equal(new Set(gates).size, 24)
})
