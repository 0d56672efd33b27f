/** S-03: what derives from a session beside its sign-out, in every order of their gates: I1 and I12 hold in each. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { GateName } from '../../src/ambient/gate.ts'
import { forEachDatabase } from '../support/database.ts'
import { ordersOf } from './all-orders.ts'
import { derivationGates, openArena, signOutGates } from './arena.ts'

forEachDatabase('in every order (S-03)', (database) => {
  test('R1, I12: a code exchange beside a sign-out gets tokens that are dead, or is refused, and its application is told', async () => {
    await using arena = await openArena(database)
    const files = arena.host.rp('files')
    for (const order of ordersOf(derivationGates('exchange'), signOutGates)) {
      const one = await arena.newSession()
      const callback = (await one.browser.get(files.authorizationUrl())).location ?? ''
      const exchange = { gates: derivationGates('exchange'), run: () => files.exchange(callback) }
      const [answer] = await arena.sequencer.race(exchange, one.signOut(), order)
      const told = await arena.told(one.uid)
      // an application that was given a code is a member, whether it came for its tokens in time or not
      assert.deepEqual(told, ['chat', 'files', 'wiki'], order.join())
      assert.ok(answer.status === 200 || answer.body.error === 'invalid_grant', order.join())
      await arena.assertDead(files, answer)
    }
  })

  for (const clientId of ['wiki', 'spa']) {
    test(`R2, I1: a refresh at ${clientId} beside a sign-out leaves no token alive`, async () => {
      await using arena = await openArena(database)
      const rp = arena.host.rp(clientId, clientId === 'spa' ? { secret: '' } : {})
      for (const order of ordersOf(derivationGates('refresh'), signOutGates)) {
        const one = await arena.newSession()
        const tokens = await rp.signIn(one.browser)
        const refresh = { gates: derivationGates('refresh'), run: () => rp.refresh(tokens.refresh_token) }
        const [answer] = await arena.sequencer.race(refresh, one.signOut(), order)
        assert.ok(answer.status === 200 || answer.body.error === 'invalid_grant', order.join())
        await arena.assertDead(rp, answer)
        await arena.assertDead(rp, { status: 200, body: tokens })
      }
    })
  }

  test('R3: of two refreshes of a rotating token exactly one succeeds (CVE-2026-1035)', async () => {
    await using arena = await openArena(database)
    const spa = arena.host.rp('spa', { secret: '' })
    const gates = derivationGates('refresh')
    for (const order of ordersOf(gates, gates)) {
      const one = await arena.newSession()
      const { refresh_token } = await spa.signIn(one.browser)
      const refresh = { gates, run: () => spa.refresh(refresh_token) }
      const answers = await arena.sequencer.race(refresh, refresh, order)
      assert.deepEqual(answers.map(({ status }) => status).sort(), [200, 400], order.join())
    }
  })

  test('R4: an authorization beside a sign-out ends at the sign-in page, or with a code that is dead', async () => {
    await using arena = await openArena(database)
    const files = arena.host.rp('files')
    const gates: readonly GateName[] = ['authorize.beforeCommit', 'authorize.afterCommit']
    for (const order of ordersOf(gates, signOutGates)) {
      const one = await arena.newSession()
      const authorize = { gates, run: () => one.browser.get(files.authorizationUrl()) }
      const [page] = await arena.sequencer.race(authorize, one.signOut(), order)
      const { location = '' } = page
      const told = await arena.told(one.uid)
      if (location.startsWith(files.redirectUri)) {
        assert.deepEqual(told, ['chat', 'files', 'wiki'], order.join())
        const answer = await files.exchange(location)
        assert.deepEqual([answer.status, answer.body.error], [400, 'invalid_grant'], order.join())
      } else {
        assert.match(location, /\/sign-in\/|curfew_again/, order.join())
        assert.deepEqual(told, ['chat', 'wiki'], order.join())
      }
    }
  })
})
