/** A session with more applications than one transaction signs out of (D18). */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { systemAmbient } from '../../src/ambient/ambient.ts'
import { displayApplication, summarize } from '../../src/delivery/display-state.ts'
import { createSignOutFeed } from '../../src/delivery/feed.ts'
import { readSignOut, type SignOutView } from '../../src/delivery/read-sign-out.ts'
import { isAllGreen } from '../../src/page/answer-signed-out.ts'
import { resultOf, statusOf } from '../../src/page/result-rows.ts'
import { expireSessions } from '../../src/sign-out/expire-sessions.ts'
import { type SignOutDeps, signOut } from '../../src/sign-out/sign-out.ts'
import type { SignOutCommand, SignOutScope } from '../../src/sign-out/sign-out-command.ts'
import { spreadSignOut } from '../../src/sign-out/spread-sign-out.ts'
import type { Store } from '../../src/store/store.ts'
import { forEachDatabase } from '../support/database.ts'
import { testClient, testRealm, testRealms } from '../support/realm-fixture.ts'
import { givenSession, givenWideSession } from '../support/session-fixture.ts'

const at = 1_700_000_000_000
const names = ['a1', 'a2', 'a3', 'a4', 'a5'] as const
const offlineEnding = { 'backchannel.logout.revoke.offline.tokens': 'true' }
const told = (clientId: string, attributes: Readonly<Record<string, string>> = {}) =>
  testClient(clientId, {
    attributes: { 'backchannel.logout.url': `https://${clientId}.example/bc`, ...attributes },
  })
const realm = testRealm([
  ...names.map((name) => told(name, name === 'a5' ? offlineEnding : {})),
  testClient('mute'),
])

/** Two applications in a transaction. */
function depsFor(store: Store, overrides: Parameters<typeof systemAmbient>[0] = {}): SignOutDeps {
  const ambient = systemAmbient({ clock: { now: () => at }, ...overrides })
  return {
    store,
    ambient,
    realms: testRealms(realm),
    random: ambient.random,
    log: ambient.log,
    memberCountMax: 2,
  }
}

const command = (scope: SignOutScope, overrides: Partial<SignOutCommand> = {}): SignOutCommand => ({
  realmId: 'r1',
  scope,
  kind: 'ordinary',
  cause: 'administrator',
  initiator: 'admin',
  actor: {},
  ...overrides,
})
const ofSession = command({ kind: 'session', sessionUid: 's1' })

/** Every delivery as `session application`, in order: a second one of the same would show. */
async function toldIn(store: Store): Promise<readonly string[]> {
  const rows = await store.read.db
    .selectFrom('delivery')
    .select(['session_uid', 'client_id'])
    .orderBy('session_uid')
    .orderBy('client_id')
    .execute()
  return rows.map((row) => `${row.session_uid} ${row.client_id}`)
}

async function countDeliveries(store: Store): Promise<number> {
  const { count } = await store.read.db
    .selectFrom('delivery')
    .select((e) => e.fn.countAll().as('count'))
    .executeTakeFirstOrThrow()
  return Number(count)
}

async function signOutRow(store: Store, id: string) {
  return store.read.db.selectFrom('sign_out').selectAll().where('id', '=', id).executeTakeFirstOrThrow()
}

async function viewOf(store: Store, id: string): Promise<SignOutView> {
  const view = await readSignOut(store.read, id)
  assert.ok(view)
  return view
}

const summaryOf = (view: SignOutView) =>
  summarize(view.applications.map((application) => displayApplication(view, application, at)))

/** As if every application had accepted at once. */
async function acceptAll(store: Store): Promise<void> {
  const accepted = { state: 'accepted', settled_at: at, lease_until: null }
  await store.transact((tx) => tx.db.updateTable('delivery').set(accepted).execute())
}

async function acknowledge(deps: SignOutDeps, one: SignOutCommand): Promise<string> {
  const result = await signOut(deps, one)
  assert.ok(result.ok)
  return result.signOutId
}

forEachDatabase('a session that is wider than a transaction', (database) => {
  test('D18, I2: 25,000 applications: one short commit closes the door, at most 10,000 deliveries are written at once, everybody gets one', async () => {
    const clients = Array.from({ length: 25_000 }, (_, index) => told(`app-${index}`))
    await using store = await database.open()
    const clientIds = clients.map(({ clientId }) => clientId)
    await givenWideSession(store, { uid: 's1' }, clientIds)
    const { memberCountMax: _, ...production } = depsFor(store)
    const deps: SignOutDeps = { ...production, realms: testRealms(testRealm(clients)) }
    const result = await signOut(deps, ofSession)
    assert.ok(result.ok)
    assert.equal(result.applicationCount, 25_000)
    const { state, sign_out_id } = await store.read.db
      .selectFrom('session')
      .select(['state', 'sign_out_id'])
      .executeTakeFirstOrThrow()
    assert.deepEqual([state, sign_out_id], ['ended', result.signOutId])
    const counts = [await countDeliveries(store)]
    while (await spreadSignOut(deps)) counts.push(await countDeliveries(store))
    const written = counts.map((count, index) => count - (counts[index - 1] ?? 0))
    assert.ok(counts[0] !== undefined && counts[0] < 25_000, 'the door does not wait for all of it')
    assert.ok(
      written.every((count) => count > 0 && count <= 10_000),
      String(written),
    )
    assert.deepEqual(await toldIn(store), clientIds.map((clientId) => `s1 ${clientId}`).sort())
  })

  test('D18, I14: a death between or within the chunks loses nobody and tells nobody twice; what was counted stays', async () => {
    await using store = await database.open()
    await givenSession(store, { uid: 's1', clientIds: names })
    const id = await acknowledge(depsFor(store), ofSession)
    assert.equal((await toldIn(store)).length, 2)
    const dying = depsFor(store, {
      gate(name) {
        if (name === 'spread.beforeCommit') throw new Error('kill -9')
      },
    })
    await assert.rejects(spreadSignOut(dying), /kill -9/)
    assert.equal((await toldIn(store)).length, 2)
    const open = await signOutRow(store, id)
    assert.deepEqual([open.application_count, open.completed_at], [5, null])
    // the next process, and another one that comes while its chunk is not committed
    const slow = depsFor(store, { gate: () => delay(100) })
    await Promise.all([spreadSignOut(slow), delay(20).then(() => spreadSignOut(slow))])
    while (await spreadSignOut(depsFor(store)));
    assert.deepEqual(
      await toldIn(store),
      names.map((name) => `s1 ${name}`),
    )
    const done = await signOutRow(store, id)
    assert.deepEqual([done.application_count, done.completed_at], [5, at])
    const members = await store.read.db.selectFrom('client_session').select('ended_at').execute()
    assert.ok(members.every((member) => member.ended_at === at))
    assert.equal((await store.read.db.selectFrom('event').select('id').execute()).length, 1)
  })

  test('D18, I11: who asks again while it is being written gets the same sign-out', async () => {
    await using store = await database.open()
    await givenSession(store, { uid: 's1', clientIds: names })
    const id = await acknowledge(depsFor(store), ofSession)
    const again = await signOut(depsFor(store), ofSession)
    assert.deepEqual(again, { ok: true, signOutId: id, isFirst: false, applicationCount: 5 })
    const one = command({ kind: 'application', sessionUid: 's1', clientId: 'a5' })
    assert.deepEqual(await signOut(depsFor(store), one), { ok: false, reason: 'application_unknown' })
    assert.equal(await expireSessions(depsFor(store)), 0)
    while (await spreadSignOut(depsFor(store)));
    assert.equal((await toldIn(store)).length, 5)
  })

  test('D18, I1: every token of it is gone with the first commit, also those of applications that are told later', async () => {
    await using store = await database.open()
    await givenSession(store, { uid: 's1', clientIds: names })
    for (const name of names) {
      for (const isOffline of [0, 1]) {
        const row = {
          id_hash: `${name}-${isOffline}`,
          realm_id: 'r1',
          kind: 'RefreshToken',
          session_uid: 's1',
          client_id: name,
          account_id: 'alice',
          grant_id: null,
          user_code_hash: null,
          uid: null,
          is_offline: isOffline,
          payload: '{}',
          created_at: 1,
          consumed_at: null,
          expires_at: null,
        }
        await store.transact((tx) => tx.db.insertInto('artifact').values(row).execute())
      }
    }
    await signOut(depsFor(store), ofSession)
    const left = await store.read.db.selectFrom('artifact').select('id_hash').orderBy('id_hash').execute()
    // a5 wants its offline grants ended (SR-06), and is told last
    assert.deepEqual(
      left.map((row) => row.id_hash),
      ['a1-1', 'a2-1', 'a3-1', 'a4-1'],
    )
  })

  test('D18, I9: the result counts every application from the start, and is green when the last one has said yes', async () => {
    await using store = await database.open()
    await givenSession(store, { uid: 's1', clientIds: names })
    const id = await acknowledge(depsFor(store), ofSession)
    const done: number[] = []
    for (let isMore = true; isMore; isMore = await spreadSignOut(depsFor(store))) {
      await acceptAll(store)
      const view = await viewOf(store, id)
      const summary = summaryOf(view)
      assert.deepEqual([summary.total, summary.unsupported], [5, 0])
      assert.equal(summary.pending, 5 - summary.done)
      assert.equal(isAllGreen(view, at), summary.done === 5)
      assert.equal(view.completedAt !== undefined, summary.done === 5)
      done.push(summary.done)
    }
    assert.deepEqual(done, [2, 4, 5])
  })

  test('D18, I9: the answer to a browser is not held up by what is still to be written, and is not told that all is done', async () => {
    await using store = await database.open()
    await givenSession(store, { uid: 's1', clientIds: names })
    const { clock, timer, log } = systemAmbient()
    const feed = createSignOutFeed({ store, clock, timer, log })
    try {
      const id = await acknowledge(depsFor(store), ofSession)
      await acceptAll(store)
      assert.equal(await feed.waitFirstRound(id, 60_000), false)
      while (await spreadSignOut(depsFor(store)));
      await acceptAll(store)
      assert.equal(await feed.waitFirstRound(id, 60_000), true)
    } finally {
      feed.stop()
    }
  })

  test('D18, S-11: who watches hears of each chunk, also of one whose applications cannot be told', async () => {
    await using store = await database.open()
    const { clock, log } = systemAmbient()
    // no look that would find it later
    const feed = createSignOutFeed({ store, clock, timer: { after: () => () => undefined }, log })
    try {
      await givenSession(store, { uid: 's1', clientIds: ['a1', 'mute'] })
      const deps = { ...depsFor(store), memberCountMax: 1 }
      const id = await acknowledge(deps, ofSession)
      const heard = new Promise<true>((resolve) => feed.watch(id, () => resolve(true)))
      await spreadSignOut(deps)
      assert.ok(await Promise.race([heard, delay(3000, false, { ref: false })]))
    } finally {
      feed.stop()
    }
  })

  test('D18: expiry ends a wide session in the low class, and the next session is ended by the next batch', async () => {
    await using store = await database.open()
    await givenSession(store, { uid: 's1', clientIds: names, idleUntil: at - 1 })
    await givenSession(store, { uid: 's2', clientIds: ['a1'], idleUntil: at })
    const ended: number[] = []
    for (
      let count = await expireSessions(depsFor(store));
      count > 0;
      count = await expireSessions(depsFor(store))
    ) {
      ended.push(count)
    }
    assert.deepEqual(ended, [1, 1])
    while (await spreadSignOut(depsFor(store)));
    assert.deepEqual(await toldIn(store), [...names.map((name) => `s1 ${name}`), 's2 a1'])
    const rows = await store.read.db.selectFrom('delivery').select('priority').execute()
    assert.ok(rows.every((row) => row.priority === 1))
  })

  for (const scope of [{ kind: 'account', accountId: 'alice' }, { kind: 'realm' }] as const) {
    test(`D18, I2, I9: one wide session among those of the ${scope.kind} is told chunk by chunk, and all are shown meanwhile`, async () => {
      await using store = await database.open()
      await givenSession(store, { uid: 's1', clientIds: names })
      await givenSession(store, { uid: 's2', clientIds: ['a1', 'mute'], startedAt: at - 5000 })
      const id = await acknowledge(depsFor(store), command(scope))
      assert.deepEqual(await toldIn(store), [], 'the doors are closed first')
      const later = depsFor(store, { clock: { now: () => at + 5000 } })
      let before = 0
      for (let isMore = true; isMore; isMore = await spreadSignOut(later)) {
        const count = (await toldIn(store)).length
        assert.ok(count - before <= 2, `${count - before} in one transaction`)
        before = count
        await acceptAll(store)
        const view = await viewOf(store, id)
        const { total, done, pending, unsupported } = summaryOf(view)
        assert.deepEqual([total, done], [7, count])
        assert.equal(pending + unsupported, 7 - count)
        assert.equal(isAllGreen(view, at), false, 'one application cannot be told')
      }
      const view = await viewOf(store, id)
      assert.deepEqual(
        [view.applicationCount, view.completedAt, summaryOf(view).unsupported],
        [7, at + 5000, 1],
      )
      assert.deepEqual(await toldIn(store), [...names.map((name) => `s1 ${name}`), 's2 a1'])
      const rows = await store.read.db.selectFrom('delivery').select('priority').distinct().execute()
      assert.deepEqual(
        rows.map((row) => row.priority),
        [scope.kind === 'account' ? 0 : 1],
      )
    })
  }

  test('D18, R25: a part is told to its end, though an older version that knows no parts has called its parent complete', async () => {
    await using store = await database.open()
    await givenSession(store, { uid: 's1', clientIds: names })
    const id = await acknowledge(depsFor(store), command({ kind: 'account', accountId: 'alice' }))
    assert.equal(await spreadSignOut(depsFor(store)), true)
    assert.equal(await countDeliveries(store), 2)
    await store.transact((tx) =>
      tx.db.updateTable('sign_out').set({ completed_at: at }).where('id', '=', id).execute(),
    )
    assert.equal(summaryOf(await viewOf(store, id)).pending, 5)
    while (await spreadSignOut(depsFor(store)));
    assert.deepEqual(
      await toldIn(store),
      names.map((name) => `s1 ${name}`),
    )
  })

  test('D10, D18: one person is told before a whole realm that was signed out earlier', async () => {
    await using store = await database.open()
    await givenSession(store, { uid: 's1', accountId: 'bob', clientIds: ['a1'] })
    await signOut(depsFor(store, { clock: { now: () => at - 1000 } }), command({ kind: 'realm' }))
    await givenSession(store, { uid: 's2', clientIds: ['a1', 'a2', 'a3'] })
    await signOut(depsFor(store), command({ kind: 'session', sessionUid: 's2' }))
    await spreadSignOut(depsFor(store))
    assert.deepEqual(await toldIn(store), ['s2 a1', 's2 a2', 's2 a3'])
  })

  test('I9: what does not fit on the page is counted and never called done', async () => {
    await using store = await database.open()
    await givenSession(store, { uid: 's1', clientIds: ['a1', 'a2'] })
    const id = await acknowledge(depsFor(store), ofSession)
    await acceptAll(store)
    const view: SignOutView = { ...(await viewOf(store, id)), applicationCount: 12_000, isTruncated: true }
    assert.equal(isAllGreen(view, at), false)
    const { summary } = statusOf(resultOf(realm, view, at))
    assert.deepEqual([summary.total, summary.done], [12_000, 2])
  })
})
