import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemAmbient } from '../../src/ambient/ambient.ts'
import { insertClientSession } from '../../src/session/insert-client-session.ts'
import { lockSession } from '../../src/session/lock-session.ts'
import { expireSessions } from '../../src/sign-out/expire-sessions.ts'
import { type SignOutDeps, signOut } from '../../src/sign-out/sign-out.ts'
import type { SignOutCommand, SignOutScope } from '../../src/sign-out/sign-out-command.ts'
import { spreadSignOut } from '../../src/sign-out/spread-sign-out.ts'
import type { Store } from '../../src/store/store.ts'
import { forEachDatabase } from '../support/database.ts'
import { testClient, testRealm, testRealms } from '../support/realm-fixture.ts'
import { givenSession, givenWideSession, sidOf } from '../support/session-fixture.ts'

const told = (clientId: string) =>
  testClient(clientId, { attributes: { 'backchannel.logout.url': `https://${clientId}.example/bc` } })
const realm = testRealm([
  told('wiki'),
  told('chat'),
  testClient('erp'),
  testClient('mail', {
    attributes: {
      'backchannel.logout.url': 'https://mail.example/bc',
      'backchannel.logout.revoke.offline.tokens': 'true',
    },
  }),
])

const at = 1_700_000_000_000

function depsFor(store: Store, overrides: Parameters<typeof systemAmbient>[0] = {}): SignOutDeps {
  const ambient = systemAmbient({ clock: { now: () => at }, ...overrides })
  return { store, ambient, realms: testRealms(realm), random: ambient.random, log: ambient.log }
}

const command = (scope: SignOutScope, overrides: Partial<SignOutCommand> = {}): SignOutCommand => ({
  realmId: 'r1',
  scope,
  kind: 'ordinary',
  cause: 'rp_initiated',
  initiator: 'user',
  actor: { clientId: 'wiki', accountId: 'alice', ipAddress: '127.0.0.1' },
  ...overrides,
})
const ofSession = (sessionUid: string, overrides: Partial<SignOutCommand> = {}) =>
  command({ kind: 'session', sessionUid }, overrides)

const deliveriesOf = (store: Store) =>
  store.read.db.selectFrom('delivery').selectAll().orderBy('session_uid').orderBy('client_id').execute()

async function givenArtifact(
  store: Store,
  id: string,
  clientId: string,
  isOffline: boolean,
  sessionUid = 's1',
): Promise<void> {
  const row = {
    id_hash: id,
    realm_id: 'r1',
    kind: 'RefreshToken',
    session_uid: sessionUid,
    client_id: clientId,
    account_id: 'alice',
    grant_id: null,
    user_code_hash: null,
    uid: null,
    is_offline: isOffline ? 1 : 0,
    payload: '{}',
    created_at: 1,
    consumed_at: null,
    expires_at: null,
  }
  await store.transact((tx) => tx.db.insertInto('artifact').values(row).execute())
}
const artifactIds = async (store: Store) =>
  (await store.read.db.selectFrom('artifact').select('id_hash').orderBy('id_hash').execute()).map(
    (row) => row.id_hash,
  )

forEachDatabase('a sign-out', (database) => {
  test('I2: ends the session and writes one delivery for each application with a channel, in one commit', async () => {
    await using store = await database.open()
    await givenSession(store, { uid: 's1', clientIds: ['wiki', 'chat', 'erp'] })
    const result = await signOut(depsFor(store), ofSession('s1'))
    assert.ok(result.ok)
    assert.equal(result.applicationCount, 3)
    const deliveries = await deliveriesOf(store)
    assert.deepEqual(
      deliveries.map((row) => [row.client_id, row.sid, row.state, row.channel]),
      [
        ['chat', sidOf('s1', 'chat'), 'pending', 'oidc-back-channel'],
        ['wiki', sidOf('s1', 'wiki'), 'pending', 'oidc-back-channel'],
      ],
    )
    const session = await store.read.db.selectFrom('session').selectAll().executeTakeFirstOrThrow()
    assert.deepEqual([session.state, session.ended_at, session.sign_out_id], ['ended', at, result.signOutId])
    const members = await store.read.db.selectFrom('client_session').select('ended_at').execute()
    assert.ok(members.every((member) => member.ended_at === at))
    const event = await store.read.db.selectFrom('event').selectAll().executeTakeFirstOrThrow()
    assert.equal(event.type, 'LOGOUT')
    assert.equal(JSON.parse(event.details).sign_out_id, result.signOutId)
    assert.equal(event.session_uid, 's1')
  })

  test('I2: an application that was registered elsewhere a moment ago is told too', async () => {
    await using store = await database.open()
    const fresh = testRealm([told('wiki'), told('new')])
    let known = realm
    const realms = { ...testRealms(realm), byId: async () => known, invalidate: () => (known = fresh) }
    for (const uid of ['s1', 's2', 's3']) {
      known = realm
      await givenSession(store, { uid, accountId: uid, clientIds: ['wiki', 'new'], idleUntil: at })
      const deps = { ...depsFor(store), realms }
      if (uid === 's1') await signOut(deps, ofSession(uid))
      else if (uid === 's2')
        await signOut(deps, command({ kind: 'application', sessionUid: uid, clientId: 'new' }))
      else assert.equal(await expireSessions(deps), 2)
    }
    assert.deepEqual(
      (await deliveriesOf(store)).map((row) => `${row.session_uid} ${row.client_id}`),
      ['s1 new', 's1 wiki', 's2 new', 's2 wiki', 's3 new', 's3 wiki'],
    )
  })

  test('R6, I11: twice at once is one sign-out with one set of deliveries, and both callers get its id', async () => {
    await using store = await database.open()
    await givenSession(store, { uid: 's1', clientIds: ['wiki', 'chat'] })
    const results = await Promise.all(
      Array.from({ length: 8 }, () => signOut(depsFor(store), ofSession('s1'))),
    )
    const ids = new Set(results.map((result) => result.ok && result.signOutId))
    assert.equal(ids.size, 1)
    assert.equal(results.filter((result) => result.ok && result.isFirst).length, 1)
    assert.equal((await deliveriesOf(store)).length, 2)
  })

  test('R1, I12: an application that joins beside a sign-out is either told or refused', async () => {
    await using store = await database.open()
    for (let round = 0; round < 20; round++) {
      const uid = `s${round}`
      await givenSession(store, { uid, clientIds: ['wiki'] })
      const join = store.transact(async (tx) => {
        const session = await lockSession(tx, uid, 'for share')
        if (session?.state !== 'active') return false
        const one = {
          sessionUid: uid,
          clientId: 'chat',
          realmId: 'r1',
          sid: sidOf(uid, 'chat'),
          protocol: 'openid-connect',
        }
        const times = { startedAt: at, lastActiveAt: at, answeredAt: at, expiresAt: at + 1000 }
        const none = {
          grantId: undefined,
          nameId: undefined,
          sessionIndex: undefined,
        }
        await insertClientSession(tx, { ...one, ...times, ...none, sub: 'alice', issuer: 'i' })
        return true
      })
      const [joined] = await Promise.all([join, signOut(depsFor(store), ofSession(uid))])
      const deliveries = (await deliveriesOf(store)).filter((row) => row.session_uid === uid)
      assert.deepEqual(
        deliveries.map((row) => row.client_id),
        joined ? ['chat', 'wiki'] : ['wiki'],
      )
    }
  })

  test('SR-19: the first notice waits until 1 s after the answer that opened the application', async () => {
    await using store = await database.open()
    await givenSession(store, { uid: 's1', clientIds: ['wiki'], startedAt: at - 300 })
    await signOut(depsFor(store), ofSession('s1'))
    assert.equal((await deliveriesOf(store))[0]?.due_at, at + 700)
  })

  test('D12: the horizon is 72 h, or the maximum life of the client session if that is shorter', async () => {
    const short = testClient('short', {
      attributes: {
        'backchannel.logout.url': 'https://short.example/bc',
        'client.session.max.lifespan': '600',
      },
    })
    await using store = await database.open()
    const deps = { ...depsFor(store), realms: testRealms(testRealm([told('wiki'), short])) }
    await givenSession(store, { uid: 's1', clientIds: ['short', 'wiki'], endsAt: 1000 + 36_000_000 })
    await givenSession(store, { uid: 's2', clientIds: ['wiki'] })
    await signOut(deps, ofSession('s1'))
    await signOut(deps, ofSession('s2'))
    assert.deepEqual(
      (await deliveriesOf(store)).map((row) => row.horizon_at - at),
      [600_000, 36_000_000, 72 * 3_600_000],
    )
  })

  test('D12: an idle time, or a session that was about to end, shortens no horizon', async () => {
    await using store = await database.open()
    await givenSession(store, { uid: 's1', clientIds: ['wiki'], endsAt: 1000 + 36_000_000 })
    const row = { started_at: at - 1000, expires_at: at + 1000 }
    await store.transact((tx) => tx.db.updateTable('client_session').set(row).execute())
    await signOut(depsFor(store), ofSession('s1'))
    assert.equal((await deliveriesOf(store))[0]?.horizon_at, at + 36_000_000)
  })

  test('SR-06: ordinary keeps offline grants, except of an application that wants them ended; security ends all', async () => {
    await using store = await database.open()
    await givenSession(store, { uid: 's1', clientIds: ['wiki', 'mail'] })
    await givenSession(store, { uid: 's2', clientIds: ['wiki', 'mail'] })
    await givenArtifact(store, 'wiki-online', 'wiki', false)
    await givenArtifact(store, 'wiki-offline', 'wiki', true)
    await givenArtifact(store, 'mail-offline', 'mail', true)
    await givenArtifact(store, 'wiki-offline-2', 'wiki', true, 's2')
    await signOut(depsFor(store), ofSession('s1'))
    assert.deepEqual(await artifactIds(store), ['wiki-offline', 'wiki-offline-2'])
    await signOut(depsFor(store), ofSession('s2', { kind: 'security' }))
    assert.deepEqual(await artifactIds(store), ['wiki-offline'])
  })

  test('one application signs out: it alone ends and is told, the session and the others stay', async () => {
    await using store = await database.open()
    await givenSession(store, { uid: 's1', clientIds: ['wiki', 'chat'] })
    const result = await signOut(
      depsFor(store),
      command({ kind: 'application', sessionUid: 's1', clientId: 'chat' }),
    )
    assert.ok(result.ok)
    assert.deepEqual(
      (await deliveriesOf(store)).map((row) => row.client_id),
      ['chat'],
    )
    const session = await store.read.db.selectFrom('session').select('state').executeTakeFirstOrThrow()
    assert.equal(session.state, 'active')
    const again = await signOut(
      depsFor(store),
      command({ kind: 'application', sessionUid: 's1', clientId: 'chat' }),
    )
    assert.deepEqual(again, { ok: false, reason: 'application_unknown' })
  })

  test('SR-05, R20, I3: a person with several sessions is told once for each application and session, each with its own sid', async () => {
    await using store = await database.open()
    for (const uid of ['s1', 's2', 's3']) await givenSession(store, { uid, clientIds: ['wiki', 'chat'] })
    await givenSession(store, { uid: 'other', accountId: 'bob', clientIds: ['wiki'] })
    const result = await signOut(
      depsFor(store),
      command({ kind: 'account', accountId: 'alice' }, { kind: 'security' }),
    )
    assert.ok(result.ok)
    assert.equal(result.applicationCount, 6)
    const deliveries = await deliveriesOf(store)
    assert.equal(new Set(deliveries.map((row) => row.sid)).size, 6)
    const bobs = await store.read.db
      .selectFrom('session')
      .select('state')
      .where('uid', '=', 'other')
      .executeTakeFirstOrThrow()
    assert.equal(bobs.state, 'active')
  })

  test('I13: signing out elsewhere leaves the session that asked', async () => {
    await using store = await database.open()
    for (const uid of ['s1', 's2']) await givenSession(store, { uid, clientIds: ['wiki'] })
    const scope = { kind: 'account', accountId: 'alice', exceptSessionUid: 's1' } as const
    await signOut(depsFor(store), command(scope))
    const rows = await store.read.db.selectFrom('session').select(['uid', 'state']).orderBy('uid').execute()
    assert.deepEqual(
      rows.map((row) => [row.uid, row.state]),
      [
        ['s1', 'active'],
        ['s2', 'ended'],
      ],
    )
  })

  test('D18: a realm-wide sign-out closes every door at once and writes the deliveries afterwards, resumably', async () => {
    await using store = await database.open()
    await store.transact((tx) =>
      tx.db
        .insertInto('realm')
        .values({
          id: 'r1',
          name: 'test',
          enabled: 1,
          cookie_key: 'test',
          representation: '{}',
          not_before: 0,
          version: 1,
          created_at: 1,
          deleted_at: null,
        })
        .execute(),
    )
    for (let index = 0; index < 120; index++)
      await givenSession(store, { uid: `s${index}`, accountId: `a${index}`, clientIds: ['wiki', 'erp'] })
    const result = await signOut(
      depsFor(store),
      command({ kind: 'realm' }, { kind: 'security', initiator: 'admin', cause: 'administrator' }),
    )
    assert.ok(result.ok)
    const active = await store.read.db
      .selectFrom('session')
      .select('uid')
      .where('state', '=', 'active')
      .execute()
    assert.equal(active.length, 0)
    assert.equal((await deliveriesOf(store)).length, 0)
    let chunkCount = 0
    while (await spreadSignOut(depsFor(store))) chunkCount += 1
    assert.equal(chunkCount, 7, 'six times 20 sessions, and the run that completes the parent')
    const deliveries = await deliveriesOf(store)
    assert.equal(deliveries.length, 120)
    assert.ok(
      deliveries.every((row) => row.priority === 1),
      'D10: bulk is of the low class',
    )
    const parent = await store.read.db
      .selectFrom('sign_out')
      .selectAll()
      .where('id', '=', result.signOutId)
      .executeTakeFirstOrThrow()
    assert.deepEqual([parent.application_count, parent.completed_at], [240, at])
  })

  test('D18: wide sessions of one person, or of one sweep, are never ended in one transaction beyond 10,000 deliveries', async () => {
    const clients = Array.from({ length: 2600 }, (_, index) => told(`app-${index}`))
    const wide = testRealms(testRealm(clients))
    const clientIds = clients.map(({ clientId }) => clientId)
    await using store = await database.open()
    for (const uid of ['s1', 's2', 's3']) await givenWideSession(store, { uid }, clientIds)
    const deps = { ...depsFor(store), realms: wide }
    const result = await signOut(deps, command({ kind: 'account', accountId: 'alice' }))
    assert.ok(result.ok)
    assert.equal((await deliveriesOf(store)).length, 0, 'the doors are closed first')
    const counts: number[] = []
    while (await spreadSignOut(deps)) counts.push((await deliveriesOf(store)).length)
    assert.deepEqual(counts, [2600, 5200, 7800, 7800])

    for (const uid of ['x1', 'x2', 'x3'])
      await givenWideSession(store, { uid, accountId: 'bob', idleUntil: at }, clientIds)
    const ended: number[] = []
    for (let count = await expireSessions(deps); count > 0; count = await expireSessions(deps))
      ended.push(count)
    assert.deepEqual(ended, [1, 1, 1])
    assert.equal((await deliveriesOf(store)).length, 15_600)
  })

  test('KW-21, R13: a session expires at its time, not a second before, and a sign-out beside the sweep is one sign-out', async () => {
    await using store = await database.open()
    await givenSession(store, { uid: 's1', clientIds: ['wiki'], idleUntil: at + 1 })
    assert.equal(await expireSessions(depsFor(store)), 0)
    const late = depsFor(store, { clock: { now: () => at + 1 } })
    const [expired, result] = await Promise.all([expireSessions(late), signOut(late, ofSession('s1'))])
    assert.ok(result.ok)
    assert.equal(expired, result.isFirst ? 0 : 1)
    assert.equal((await deliveriesOf(store)).length, 1)
    const { cause } = await store.read.db.selectFrom('sign_out').select('cause').executeTakeFirstOrThrow()
    assert.equal(cause, result.isFirst ? 'rp_initiated' : 'session_idle')
  })

  test('an unknown session is a reason, not an exception, and changes nothing', async () => {
    await using store = await database.open()
    assert.deepEqual(await signOut(depsFor(store), ofSession('nobody')), {
      ok: false,
      reason: 'session_unknown',
    })
    assert.equal((await store.read.db.selectFrom('sign_out').selectAll().execute()).length, 0)
  })
})
