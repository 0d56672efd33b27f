/** R1: a code exchange beside a sign-out. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sql } from 'kysely'
import type { GateName } from '../../src/ambient/gate.ts'
import { forEachDatabase } from '../support/database.ts'
import { applications, openRace, type Race } from './race.ts'

forEachDatabase('a code exchange beside a sign-out', (database) => {
  test('R1: the sign-out commits first, and the exchange is refused', async () => {
    await using race = await openRace(database)
    const { exchanging, held } = await holdExchange(race, 'exchange.beforeCommit')
    await race.signOut()
    held.release()
    const answer = await exchanging
    assert.equal(answer.status, 400)
    assert.deepEqual(answer.body, { error: 'invalid_grant', error_description: 'Session not active' })
    assert.equal(await race.artifactCount(), 0)
  })

  test('R1: the exchange holds its lock first, and the sign-out waits, tells the application and kills the tokens', async () => {
    await using race = await openRace(database)
    const { wiki, exchanging, held } = await holdExchange(race, 'exchange.afterLock')
    const signingOut = race.signOut()
    assert.equal(await race.isSettled(signingOut), false, 'the sign-out waits for the lock')
    held.release()
    const answer = await exchanging
    assert.equal(answer.status, 200)
    await signingOut
    assert.deepEqual(await race.told(), applications)
    assert.equal((await wiki.refresh(answer.body.refresh_token as string)).status, 400)
    assert.equal(await race.artifactCount(), 0)
  })

  test('R1: a session that moved on between reading and committing is judged again, and the exchange goes on', async () => {
    await using race = await openRace(database)
    const { wiki, exchanging, held } = await holdExchange(race, 'exchange.beforeCommit')
    await race.host.deps.store.transact((tx) =>
      tx.db.updateTable('session').set({ last_active_at: sql`last_active_at + 1` }).execute(),
    )
    held.release()
    const answer = await exchanging
    assert.equal(answer.status, 200, JSON.stringify(answer.body))
    assert.equal((await wiki.refresh(answer.body.refresh_token as string)).status, 200)
  })

  test('R1: a session whose time ran out between reading and committing gives nothing', async () => {
    await using race = await openRace(database)
    const { exchanging, held } = await holdExchange(race, 'exchange.beforeCommit')
    await race.host.deps.store.transact((tx) => tx.db.updateTable('session').set({ idle_until: 1 }).execute())
    held.release()
    const answer = await exchanging
    assert.deepEqual(answer.body, { error: 'invalid_grant', error_description: 'Session not active' })
  })
})

/** A code of the wiki on its way through the token endpoint, stopped at this gate. */
async function holdExchange(race: Race, gate: GateName) {
  const wiki = race.host.rp('wiki')
  const page = await race.browser.get(wiki.authorizationUrl())
  const held = race.gates.hold(gate)
  const exchanging = wiki.exchange(page.location as string)
  await held.reached
  return { wiki, exchanging, held }
}
