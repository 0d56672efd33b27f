/** S-03: sign-outs beside each other, beside expiry and beside sign-ins, in every order of their gates: I2, I11 and I13 hold in each. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { systemAmbient } from '../../src/ambient/ambient.ts'
import type { GateName } from '../../src/ambient/gate.ts'
import { redeliver } from '../../src/delivery/redeliver.ts'
import { expireSessions } from '../../src/sign-out/expire-sessions.ts'
import { forEachDatabase } from '../support/database.ts'
import { answered } from '../support/delivery-facts.ts'
import { claimAt, givenSignOut, settleAs } from '../support/outbox.ts'
import { allOrders, createSequencer, type Operation, ordersOf } from './all-orders.ts'
import { derivationGates, openArena, signOutGates } from './arena.ts'

forEachDatabase('in every order (S-03)', (database) => {
  test('R6, I11: two sign-outs of one session are one, with one set of deliveries, and both callers get its id', async () => {
    await using arena = await openArena(database)
    for (const order of ordersOf(signOutGates, signOutGates)) {
      const one = await arena.newSession()
      const [first, second] = await arena.sequencer.race(one.signOut(), one.signOut(), order)
      assert.ok(first.ok && second.ok)
      assert.equal(first.signOutId, second.signOutId, order.join())
      assert.deepEqual(await arena.told(one.uid), ['chat', 'wiki'], order.join())
    }
  })

  test('R13, I11: a session that expires while its person signs out has one sign-out, and its first cause', async () => {
    await using arena = await openArena(database)
    const gates: readonly GateName[] = ['expiry.beforeSignOut', 'signOut.afterLock', 'signOut.beforeCommit']
    for (const order of ordersOf(gates, signOutGates)) {
      const one = await arena.newSession()
      await arena.makeIdle(one.uid)
      const expiry = { gates, run: () => expireSessions(arena.host.deps) }
      const [endedCount] = await arena.sequencer.race(expiry, one.signOut(), order)
      const causes = await arena.causes(one.uid)
      assert.deepEqual(causes, [endedCount === 1 ? 'session_idle' : 'account_page'], order.join())
      assert.deepEqual(await arena.told(one.uid), ['chat', 'wiki'], order.join())
    }
  })

  test('I12: an exchange while every session of the account is ended gets tokens that are dead, or is refused', async () => {
    await using arena = await openArena(database)
    const files = arena.host.rp('files')
    const gates = derivationGates('exchange')
    for (const order of ordersOf(gates, signOutGates)) {
      const one = await arena.newSession()
      const callback = (await one.browser.get(files.authorizationUrl())).location ?? ''
      const exchange = { gates, run: () => files.exchange(callback) }
      const ending = one.signOut({ kind: 'account', accountId: 'id-test-alice' })
      const [answer] = await arena.sequencer.race(exchange, ending, order)
      await arena.spread()
      const told = await arena.told(one.uid)
      assert.deepEqual(told, ['chat', 'files', 'wiki'], order.join())
      assert.ok(answer.status === 200 || answer.body.error === 'invalid_grant', order.join())
      await arena.assertDead(files, answer)
    }
  })

  test('R27, D11: a replay beside a claim leaves one delivery in flight for each application of a session', async () => {
    await using store = await database.open()
    const sequencer = createSequencer()
    const ambient = systemAmbient({ gate: sequencer.gate })
    const deps = { ...ambient, store }
    const claimGates: readonly GateName[] = ['claim.beforeCommit', 'claim.afterCommit']
    const replayGates: readonly GateName[] = ['redeliver.beforeCommit']
    for (const [index, order] of ordersOf(claimGates, replayGates).entries()) {
      // each order has applications and sessions of its own
      const clientId = `wiki-${index}`
      const at = Date.now()
      const { deliveryIds } = await givenSignOut(store, [clientId], at)
      const [leased] = (await claimAt(store, [clientId], at)).leased
      assert.ok(leased)
      await settleAs(store, leased, answered(410), at)
      const scope = { kind: 'deliveries', ids: deliveryIds } as const
      const command = { realmId: 'demo', scope, actor: 'admin-1', reason: 'The application was repaired.' }
      const claim = { gates: claimGates, run: () => claimAt(store, [clientId], Date.now(), { ambient }) }
      const replay = { gates: replayGates, run: () => redeliver(deps, command, Date.now()) }
      await sequencer.race(claim, replay, order)
      await claimAt(store, [clientId], Date.now())
      const rows = await store.read.db
        .selectFrom('delivery')
        .select(['generation', 'state'])
        .where('client_id', '=', clientId)
        .orderBy('generation')
        .execute()
      const states = rows.map(({ generation, state }) => `${generation} ${state}`)
      assert.deepEqual(states, ['1 rejected', '2 leased'], order.join())
    }
  })

  test('R5, I13: a sign-in in another tab beside a sign-out is a session of its own and stays', async () => {
    await using arena = await openArena(database)
    const wiki = arena.host.rp('wiki')
    const gates: readonly GateName[] = ['signIn.beforeCommit', 'signIn.afterCommit']
    for (const order of ordersOf(gates, signOutGates)) {
      const one = await arena.newSession()
      const signIn = { gates, run: () => wiki.signIn(arena.host.browser()) }
      const [tokens] = await arena.sequencer.race(signIn, one.signOut(), order)
      assert.equal((await wiki.refresh(tokens.refresh_token)).status, 200, order.join())
      assert.deepEqual(await arena.told(one.uid), ['chat', 'wiki'])
    }
  })
})

describe('the scheduler of the races', () => {
  test('knows every order once', () => {
    const orders = allOrders(3, 4).map((order) => order.join())
    assert.equal(orders.length, 35)
    assert.equal(new Set(orders).size, 35)
  })

  test('lets each step happen in its turn', async () => {
    for (const order of allOrders(2, 2)) {
      const { gate, race } = createSequencer()
      const seen: string[] = []
      const operation = (side: string, name: GateName): Operation<void> => ({
        gates: [name],
        async run() {
          seen.push(side)
          await gate(name)
          seen.push(side)
        },
      })
      await race(operation('first', 'claim.beforeCommit'), operation('second', 'settle.beforeCommit'), order)
      assert.deepEqual(seen, order)
    }
  })
})
