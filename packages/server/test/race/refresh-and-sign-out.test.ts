/** R2, R3: refreshes beside a sign-out and beside each other. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { forEachDatabase } from '../support/database.ts'
import { openRace } from './race.ts'

forEachDatabase('a refresh beside a sign-out', (database) => {
  for (const clientId of ['wiki', 'spa']) {
    const kind = clientId === 'spa' ? 'a rotating token' : 'a token that stays'

    test(`R2: the sign-out commits first, and the refresh of ${kind} is refused`, async () => {
      await using race = await openRace(database)
      const rp = race.rp(clientId)
      const tokens = await rp.signIn(race.browser)
      const held = race.gates.hold('refresh.beforeCommit')
      const refreshing = rp.refresh(tokens.refresh_token)
      await held.reached
      await race.signOut()
      held.release()
      assert.equal((await refreshing).status, 400)
      assert.equal(await race.artifactCount(), 0)
    })

    test(`R2: the refresh of ${kind} holds its lock first, and old and new token are dead after the sign-out`, async () => {
      await using race = await openRace(database)
      const rp = race.rp(clientId)
      const tokens = await rp.signIn(race.browser)
      const held = race.gates.hold('refresh.afterLock')
      const refreshing = rp.refresh(tokens.refresh_token)
      await held.reached
      const signingOut = race.signOut()
      assert.equal(await race.isSettled(signingOut), false)
      held.release()
      const answer = await refreshing
      assert.equal(answer.status, 200)
      await signingOut
      assert.equal((await rp.refresh(answer.body.refresh_token as string)).status, 400)
      assert.equal((await rp.refresh(tokens.refresh_token)).status, 400)
    })
  }

  test('R3: of two refreshes of a rotating token one wins, the other gets invalid_grant, and the family survives', async () => {
    await using race = await openRace(database)
    const spa = race.rp('spa')
    const tokens = await spa.signIn(race.browser)
    const first = race.gates.hold('refresh.beforeCommit')
    const second = race.gates.hold('refresh.beforeCommit')
    const refreshing = [spa.refresh(tokens.refresh_token), spa.refresh(tokens.refresh_token)]
    await first.reached
    await second.reached
    first.release()
    second.release()
    const answers = await Promise.all(refreshing)
    assert.deepEqual(answers.map((answer) => answer.status).sort(), [200, 400])
    const winner = answers.find((answer) => answer.status === 200)
    assert.equal((await spa.refresh(winner?.body.refresh_token as string)).status, 200)
  })

  test('R3: two refreshes and a sign-out: nothing succeeds after it', async () => {
    await using race = await openRace(database)
    const spa = race.rp('spa')
    const tokens = await spa.signIn(race.browser)
    const first = race.gates.hold('refresh.beforeCommit')
    const second = race.gates.hold('refresh.beforeCommit')
    const refreshing = [spa.refresh(tokens.refresh_token), spa.refresh(tokens.refresh_token)]
    await first.reached
    await second.reached
    first.release()
    const winner = await Promise.race(refreshing)
    await race.signOut()
    second.release()
    const answers = await Promise.all(refreshing)
    assert.deepEqual(answers.map((answer) => answer.status).sort(), [200, 400])
    assert.equal((await spa.refresh(winner.body.refresh_token as string)).status, 400)
    assert.equal(await race.artifactCount(), 0)
  })

  test('refreshes of one session at once, which all touch it, do not deadlock', async () => {
    await using race = await openRace(database)
    const wiki = race.rp('wiki')
    const tokens = await wiki.signIn(race.browser)
    race.advance(120_000)
    const answers = await Promise.all(Array.from({ length: 12 }, () => wiki.refresh(tokens.refresh_token)))
    assert.deepEqual(new Set(answers.map((answer) => answer.status)), new Set([200]))
  })
})
