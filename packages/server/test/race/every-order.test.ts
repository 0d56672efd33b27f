/** S-03: pairs of operations in every order of their gates, on both databases: I1, I2, I11, I12 and I13 hold in each. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { systemAmbient } from '../../src/ambient/ambient.ts'
import type { GateName } from '../../src/ambient/gate.ts'
import { expireSessions } from '../../src/sign-out/expire-sessions.ts'
import { signOut } from '../../src/sign-out/sign-out.ts'
import type { SignOutResult, SignOutScope } from '../../src/sign-out/sign-out-command.ts'
import { spreadSignOut } from '../../src/sign-out/spread-sign-out.ts'
import { forEachDatabase, type TestDatabase } from '../support/database.ts'
import { type OpHost, startOpHost } from '../support/op-host.ts'
import type { TokenAnswer, Tokens } from '../support/relying-party.ts'
import type { UserAgent } from '../support/user-agent.ts'
import { allOrders, createSequencer, type Operation, ordersOf, type Sequencer } from './all-orders.ts'

const derivationGates = (kind: 'exchange' | 'refresh'): readonly GateName[] => [
  `${kind}.beforeCommit`,
  `${kind}.afterLock`,
]
const signOutGates: readonly GateName[] = ['signOut.beforeLock', 'signOut.afterLock', 'signOut.beforeCommit']

forEachDatabase('in every order', (database) => {
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

  test('R3: of two refreshes of a rotating token exactly one succeeds', async () => {
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

interface Arena extends AsyncDisposable {
  readonly host: OpHost
  readonly sequencer: Sequencer
  /** A person who has just signed in at wiki and chat. */
  newSession(): Promise<{
    readonly uid: string
    readonly browser: UserAgent
    signOut(scope?: SignOutScope): Operation<SignOutResult>
  }>
  makeIdle(uid: string): Promise<void>
  /** Lets the second half of a wide sign-out run to its end. */
  spread(): Promise<void>
  told(uid: string): Promise<readonly string[]>
  causes(uid: string): Promise<readonly string[]>
  assertDead(rp: ReturnType<OpHost['rp']>, answer: TokenAnswer): Promise<void>
}

async function openArena(database: TestDatabase): Promise<Arena> {
  const sequencer = createSequencer()
  const ambient = systemAmbient({ gate: sequencer.gate })
  const store = await database.open(ambient)
  const attributes = { 'backchannel.logout.url': 'https://application.example/logout' }
  const clients = ['wiki', 'chat', 'files'].map((clientId) => ({ clientId, attributes }))
  const host = await startOpHost({
    store,
    ambient,
    clients: [...clients, { clientId: 'spa', publicClient: true, attributes: {} }],
  })
  const { db } = store.read
  return {
    host,
    sequencer,
    async newSession() {
      const browser = host.browser()
      const first: Tokens = await host.rp('wiki').signIn(browser)
      await host.rp('chat').signIn(browser)
      const row = await db
        .selectFrom('client_session')
        .select('session_uid')
        .where('sid', '=', sidOf(first))
        .executeTakeFirstOrThrow()
      return {
        uid: row.session_uid,
        browser,
        signOut: (scope = { kind: 'session', sessionUid: row.session_uid }) => ({
          gates: signOutGates,
          run: () =>
            signOut(host.deps, {
              realmId: host.realm().id,
              scope,
              kind: 'ordinary',
              cause: 'account_page',
              initiator: 'user',
              actor: {},
            }),
        }),
      }
    },
    async makeIdle(uid) {
      await store.transact(async (tx) => {
        await tx.db
          .updateTable('session')
          .set({ idle_until: ambient.clock.now() - 1 })
          .where('uid', '=', uid)
          .execute()
      })
    },
    async spread() {
      while (await spreadSignOut(host.deps));
    },
    async told(uid) {
      const rows = await db
        .selectFrom('delivery')
        .select('client_id')
        .where('session_uid', '=', uid)
        .orderBy('client_id')
        .execute()
      return rows.map((row) => row.client_id)
    },
    async causes(uid) {
      const rows = await db.selectFrom('sign_out').select('cause').where('session_uid', '=', uid).execute()
      return rows.map((row) => row.cause)
    },
    async assertDead(rp, { status, body }) {
      if (status !== 200) return
      const refused = await rp.refresh(body.refresh_token ?? '')
      assert.deepEqual([refused.status, refused.body.error], [400, 'invalid_grant'])
    },
    async [Symbol.asyncDispose]() {
      await host[Symbol.asyncDispose]()
      await store[Symbol.asyncDispose]()
    },
  }
}

function sidOf({ id_token }: Tokens): string {
  const payload = id_token.split('.')[1] ?? ''
  return (JSON.parse(Buffer.from(payload, 'base64url').toString()) as { sid: string }).sid
}
