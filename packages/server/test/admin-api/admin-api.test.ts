import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { insertRows } from '../../src/store/bulk-rows.ts'
import type { Store } from '../../src/store/store.ts'
import { type AdminWorld, createAdminWorld, idOf } from '../support/admin-world.ts'
import { forEachDatabase } from '../support/database.ts'
import { givenSignOut } from '../support/outbox.ts'
import { givenSession, sidOf } from '../support/session-fixture.ts'

const alice = idOf('demo', 'alice')

forEachDatabase('the admin API', (database) => {
  let store: Store
  let world: AdminWorld
  let root: string
  before(async () => {
    store = await database.open()
    world = await createAdminWorld(store)
    root = await world.tokenFor('master', 'root')
  })
  after(() => world[Symbol.asyncDispose]())

  const realm = '/admin/realms/demo'
  const get = (path: string, token = root) => world.call('GET', path, { token })
  let sessionCount = 0
  async function signedIn(accountId = alice, clientIds = ['wiki', 'chat', 'erp']): Promise<string> {
    sessionCount += 1
    const uid = `s-${sessionCount}`
    await givenSession(store, { uid, realmId: 'demo-id', accountId, clientIds, startedAt: Date.now() })
    return uid
  }

  test('without a token, with a damaged one and with one of an ended session the answer is 401 (KQ-31, KK-35)', async () => {
    const dead = await world.tokenFor('demo', 'viewer')
    await store.transact((tx) =>
      tx.db
        .updateTable('session')
        .set({ state: 'ended', ended_at: 1 })
        .where('account_id', '=', idOf('demo', 'viewer'))
        .execute(),
    )
    for (const token of [undefined, 'x', `${root}x`, `${root.slice(0, -4)}AAAA`, dead]) {
      const answer = await world.call('GET', `${realm}/users`, { token })
      assert.equal(answer.status, 401)
      assert.match(answer.headers.get('www-authenticate') ?? '', /^Bearer/)
      assert.equal(answer.json.error, 'HTTP 401 Unauthorized')
      assert.equal(typeof answer.json.message, 'string')
    }
  })

  test('the Bearer scheme is known in any case (KK-07), and below /auth as well (KP-40)', async () => {
    for (const path of [`${realm}/users/count`, `/auth${realm}/users/count`]) {
      const answer = await world.call('GET', path, { headers: { authorization: `bearer ${root}` } })
      assert.equal(answer.status, 200)
    }
  })

  test('an account without the role gets 403 and is told which role it needs', async () => {
    const token = await world.tokenFor('demo', 'viewer')
    assert.equal((await get(`${realm}/users`, token)).status, 200)
    const answer = await world.call('POST', `${realm}/users/${alice}/logout`, { token })
    assert.equal(answer.status, 403)
    assert.match(answer.json.message, /manage-users/)
    assert.equal((await get(`${realm}/users`, await world.tokenFor('demo', 'alice'))).status, 403)
  })

  test('a role that was withdrawn is refused at once, though the token lives', async () => {
    const token = await world.tokenFor('master', 'keeper')
    assert.equal((await get(`${realm}/users/count`, token)).status, 200)
    assert.equal((await get('/admin/realms/other/users/count', token)).status, 403)
    await store.transact((tx) =>
      tx.db.deleteFrom('account_role').where('account_id', '=', idOf('master', 'keeper')).execute(),
    )
    assert.equal((await get(`${realm}/users/count`, token)).status, 403)
  })

  test('sessions are listed with their applications by internal id (KQ-10, KQ-08)', async () => {
    const uid = await signedIn()
    const { json } = await get(`${realm}/users/${alice}/sessions`)
    const session = json.find((one: { id: string }) => one.id === uid)
    assert.equal(session.username, 'alice')
    assert.equal(session.userId, alice)
    assert.equal(session.ipAddress, '127.0.0.1')
    assert.equal(session.transientUser, false)
    assert.ok(Number.isInteger(session.start) && Number.isInteger(session.lastAccess))
    assert.deepEqual(session.clients, { 'demo-wiki': 'wiki', 'demo-chat': 'chat', 'demo-erp': 'erp' })
    const atWiki = await get(`${realm}/clients/demo-wiki/user-sessions`)
    assert.ok(atWiki.json.some((one: { id: string }) => one.id === uid))
    const count = await get(`${realm}/clients/demo-wiki/session-count`)
    assert.equal(count.json.count, atWiki.json.length)
    const stats = (await get(`${realm}/client-session-stats`)).json
    const wiki = stats.find((one: { clientId: string }) => one.clientId === 'wiki')
    assert.deepEqual(wiki, {
      id: 'demo-wiki',
      clientId: 'wiki',
      active: String(count.json.count),
      offline: '0',
    })
  })

  test('a session is ended by its id or by any sid, once; the answer links to its sign-out (KQ-01)', async () => {
    for (const name of ['uid', 'sid'] as const) {
      const uid = await signedIn()
      const id = name === 'uid' ? uid : sidOf(uid, 'chat')
      const ended = await world.call('DELETE', `${realm}/sessions/${id}`, { token: root, body: {} })
      assert.equal(ended.status, 204, ended.text)
      const link = /<http:\/\/id\.test(.*)>; rel="sign-outs"/.exec(ended.headers.get('link') ?? '')?.[1]
      assert.ok(link)
      const { json } = await get(link)
      assert.equal(json.cause, 'administrator')
      assert.equal(json.sessionId, uid)
      assert.deepEqual(json.deliveries, { pending: 2 })
      const applications = json.applications.map((one: { clientId: string; deliveries: unknown[] }) => [
        one.clientId,
        one.deliveries.length,
      ])
      assert.deepEqual(applications, [
        ['chat', 1],
        ['erp', 0],
        ['wiki', 1],
      ])
      const again = await world.call('DELETE', `${realm}/sessions/${id}`, { token: root })
      assert.equal(again.status, 404)
      const events = (await get(`${realm}/events?type=LOGOUT&user=${alice}&max=1`)).json
      assert.equal(events[0].sessionId, uid)
      assert.equal(events[0].details.sign_out_id, json.id)
      const [event] = (await get(`${realm}/admin-events?resourceTypes=USER_SESSION&max=1`)).json
      assert.equal(event.resourcePath, `sessions/${uid}`)
      assert.deepEqual(event.details, { offline: 'false' })
      assert.equal(event.authDetails.realmName, 'master')
      assert.equal(event.authDetails.userId, idOf('master', 'root'))
    }
  })

  test('signing a person out ends every session, tells every application and refuses earlier tokens (KQ-02, KX-05)', async () => {
    const uids = [await signedIn(), await signedIn()]
    const token = await world.tokenFor('demo', 'alice')
    const headers = { 'content-type': 'application/json' }
    const answer = await world.call('POST', `${realm}/users/${alice}/logout`, { token: root, headers })
    assert.equal(answer.status, 204, answer.text)
    assert.deepEqual((await get(`${realm}/users/${alice}/sessions`)).json, [])
    const user = (await get(`${realm}/users/${alice}`)).json
    assert.ok(user.notBefore > 0)
    assert.equal((await get(`${realm}/users`, token)).status, 401)
    const parentId = /so_[\w-]+/.exec(answer.headers.get('link') ?? '')?.[0]
    const parts = (await get(`${realm}/sign-outs?parent=${parentId}`)).json.signOuts
    const ended = parts.map((part: { sessionId: string }) => part.sessionId)
    for (const uid of uids) assert.ok(ended.includes(uid))
  })

  test('everybody of a realm is signed out but the caller, when asked so (KQ-03)', async () => {
    const token = await world.tokenFor('other', 'boss')
    await givenSession(store, {
      uid: 'o-1',
      realmId: 'other-id',
      accountId: idOf('other', 'bob'),
      clientIds: ['wiki'],
    })
    const path = '/admin/realms/other/logout-all'
    const answer = await world.call('POST', `${path}?exceptOwn=true`, { token, body: {} })
    assert.equal(answer.status, 200, answer.text)
    const { successRequests, failedRequests, pendingRequests } = answer.json
    assert.deepEqual([successRequests, failedRequests], [[], []])
    assert.deepEqual(pendingRequests, ['https://wiki.test/logout'])
    assert.deepEqual((await get(`/admin/realms/other/users/${idOf('other', 'bob')}/sessions`)).json, [])
    assert.equal((await get('/admin/realms/other/users', token)).status, 200)
    assert.equal((await world.call('POST', path, { token })).status, 200)
    assert.equal((await get('/admin/realms/other/users', token)).status, 401)
  })

  test('sign-outs are paged by cursor without gap or repetition, and found by a unique prefix', async () => {
    for (let n = 0; n < 5; n += 1) {
      await world.call('DELETE', `${realm}/sessions/${await signedIn()}`, { token: root })
    }
    const seen: string[] = []
    let cursor = ''
    do {
      const { json } = await get(`${realm}/sign-outs?limit=2${cursor && `&cursor=${cursor}`}`)
      assert.ok(json.signOuts.length <= 2)
      seen.push(...json.signOuts.map((one: { id: string }) => one.id))
      cursor = json.next ?? ''
    } while (cursor)
    const all = (await get(`${realm}/sign-outs?limit=200`)).json.signOuts.map((one: { id: string }) => one.id)
    assert.deepEqual(seen, all)
    const id = all[0] as string
    assert.equal((await get(`${realm}/sign-outs/${id.slice(0, 9)}`)).json.id, id)
    const foreign = await get(`/admin/realms/other/sign-outs/${id}`)
    assert.equal(foreign.status, 404)
    assert.match(foreign.headers.get('content-type') ?? '', /application\/problem\+json/)
    assert.equal(foreign.json.type, 'urn:curfew:sign_out_unknown')
    assert.equal((await get(`${realm}/sign-outs?cursor=x`)).status, 400)
  })

  test('events are deleted without deleting deliveries (KE-42), and bad parameters are 400', async () => {
    const deliveryCount = async () =>
      Number(
        (
          await store.read.db
            .selectFrom('delivery')
            .select((eb) => eb.fn.countAll().as('n'))
            .executeTakeFirstOrThrow()
        ).n,
      )
    await world.call('DELETE', `${realm}/sessions/${await signedIn()}`, { token: root })
    const before = await deliveryCount()
    assert.ok(before > 0)
    assert.ok((await get(`${realm}/events`)).json.length > 0)
    assert.equal((await world.call('DELETE', `${realm}/events`, { token: root })).status, 204)
    assert.deepEqual((await get(`${realm}/events`)).json, [])
    assert.equal(await deliveryCount(), before)
    for (const query of [
      'dateFrom=yesterday',
      'max=many',
      'direction=up',
      'first=-2',
      'first=1e309',
      'max=0x1',
    ]) {
      const answer = await get(`${realm}/events?${query}`)
      assert.equal(answer.status, 400, query)
      assert.equal(typeof answer.json.message, 'string')
    }
  })

  test('realms, clients and keys are shown without private halves', async () => {
    const boss = await world.tokenFor('demo', 'boss')
    assert.deepEqual(
      (await get('/admin/realms', boss)).json.map((one: { realm: string }) => one.realm),
      ['demo'],
    )
    assert.equal((await get('/admin/realms')).json.length, 3)
    assert.equal((await get(realm, boss)).json.displayName, 'The demo')
    const [wiki] = (await get(`${realm}/clients?clientId=wiki`, boss)).json
    assert.equal(wiki.id, 'demo-wiki')
    assert.equal((await get(`${realm}/clients/demo-wiki`)).json.clientId, 'wiki')
    assert.equal((await get(`${realm}/clients/none`)).json.error, 'Could not find client')
    const keys = await get(`${realm}/keys`, boss)
    assert.equal(keys.json.keys[0].status, 'ACTIVE')
    assert.equal(keys.json.active.ES256, keys.json.keys[0].kid)
    assert.doesNotMatch(keys.text, /"d":/)
  })

  test("every route below a realm refuses another realm's administrator, and one without any role (X-12)", async () => {
    const foreign = await world.tokenFor('other', 'boss')
    const powerless = await world.tokenFor('demo', 'alice')
    const routes = world.routes.filter(({ url }) => url.includes(':realm'))
    assert.ok(routes.length > 30, `only ${routes.length} routes`)
    for (const { method, url, needs } of routes) {
      const path = url.replace(':realm', 'demo').replace(':id', alice).replace(':deliveryId', 'd-1')
      const answer = await world.call(method, path, { token: foreign })
      assert.equal(answer.status, 403, `${method} ${path}`)
      assert.doesNotMatch(answer.text, /alice|wiki/)
      const unknown = await world.call(method, url.replace(':realm', 'no-such-realm'), { token: foreign })
      assert.equal(unknown.status, 403, `${method} of an unknown realm`)
      assert.equal((await world.call(method, path)).status, 401, `${method} ${path} without a token`)
      if (needs === 'own') continue
      assert.equal((await world.call(method, path, { token: powerless })).status, 403, `${method} ${path}`)
    }
    assert.equal((await get('/admin/realms/no-such-realm')).status, 404)
  })

  test('what the audit trail keeps is read and changed, in force at once (KE-42)', async () => {
    // a realm of its own: the other tests read the events of `demo`
    const other = '/admin/realms/other'
    const path = `${other}/events/config`
    const put = (body: unknown) => world.call('PUT', path, { token: root, body })
    assert.equal(
      (await put({ eventsExpiration: 172_800, enabledEventTypes: ['LOGIN'], other: 1 })).status,
      204,
    )
    const { json } = await get(path)
    assert.equal(json.eventsEnabled, true)
    assert.equal(json.eventsExpiration, 172_800)
    assert.deepEqual(json.enabledEventTypes, ['LOGIN'])
    const uid = 's-audited'
    const accountId = idOf('other', 'bob')
    await givenSession(store, { uid, realmId: 'other-id', accountId, startedAt: Date.now() })
    assert.equal((await world.call('DELETE', `${other}/sessions/${uid}`, { token: root })).status, 204)
    assert.deepEqual((await get(`${other}/events?type=LOGOUT`)).json, [])
    assert.equal((await put({ enabledEventTypes: [] })).status, 204)
    assert.equal((await get(other)).json.other, undefined)
    assert.equal((await get(other)).json.displayName, 'The other')
  })

  test('roles, the server and the caller are shown', async () => {
    const roles = (await get(`${realm}/clients/demo-realm-management/roles`)).json
    assert.ok(roles.some((role: { name: string }) => role.name === 'view-users'))
    assert.equal(roles[0].clientRole, true)
    assert.equal((await get('/admin/realms/master/roles/admin')).json.name, 'admin')
    assert.ok((await get('/admin/serverinfo')).json.systemInfo.serverTime)
    const me = (await get('/admin/master/console/whoami')).json
    assert.equal(me.userId, idOf('master', 'root'))
    assert.deepEqual(Object.keys(me.realm_access), ['demo', 'master', 'other'])
  })

  test('what Keycloak has and Curfew has not is 501 in JSON; what neither has is 404', async () => {
    const absent = await get(`${realm}/authentication/flows`)
    assert.equal(absent.status, 501)
    assert.match(absent.json.message, /not offered/)
    const updated = await world.call('PUT', realm, { token: root, body: {} })
    assert.equal(updated.status, 501)
    assert.equal((await get(`${realm}/nonsense`)).status, 404)
    assert.equal((await world.call('GET', `${realm}/authentication/flows`)).status, 401)
  })

  test('what ended without being accepted is tried again, with a reason, as a new generation (D14, KE-41)', async () => {
    const ended = await world.call('DELETE', `${realm}/sessions/${await signedIn()}`, { token: root })
    const id = /so_[\w-]+/.exec(ended.headers.get('link') ?? '')?.[0] ?? ''
    const retry = (path: string, body: unknown) =>
      world.call('POST', `${realm}/sign-outs/${id}${path}`, { token: root, body })
    await store.transact((tx) =>
      tx.db
        .updateTable('delivery')
        .set({ due_at: Date.now() + 3_600_000 })
        .where('sign_out_id', '=', id)
        .execute(),
    )
    const sooner = await retry('/retry', { reason: 'it is back' })
    assert.deepEqual([sooner.status, sooner.json.deliveryIds.length], [202, 2])
    const waiting = await store.read.db
      .selectFrom('delivery')
      .select(['generation', 'due_at'])
      .where('sign_out_id', '=', id)
      .execute()
    assert.ok(
      waiting.every(({ generation, due_at }) => generation === 1 && due_at <= Date.now()),
      'what waits is brought forward and stays the same delivery',
    )
    await store.transact((tx) =>
      tx.db
        .updateTable('delivery')
        .set({ state: 'unreachable', settled_at: Date.now() })
        .where('sign_out_id', '=', id)
        .execute(),
    )
    assert.deepEqual((await get(`${realm}/sign-outs/${id}`)).json.deliveries, { unreachable: 2 })
    assert.equal((await retry('/retry', {})).status, 400)
    const all = await retry('/retry', { reason: 'the firewall was opened' })
    assert.equal(all.status, 202, all.text)
    assert.equal(all.json.deliveryIds.length, 2)
    const { json } = await get(`${realm}/sign-outs/${id}`)
    assert.deepEqual(json.deliveries, { pending: 2 })
    const [, second] = json.applications[0].deliveries
    assert.equal(second.generation, 2)
    assert.deepEqual(second.replay, { actor: idOf('master', 'root'), reason: 'the firewall was opened' })
    await store.transact((tx) =>
      tx.db
        .updateTable('delivery')
        .set({ state: 'leased', lease_until: Date.now() + 30_000 })
        .where('id', '=', second.id)
        .execute(),
    )
    const leased = await retry(`/deliveries/${second.id}/retry`, { reason: 'again' })
    assert.deepEqual([leased.status, leased.json.type], [409, 'urn:curfew:nothing_to_redeliver'])
    const [event] = (await get(`${realm}/admin-events?resourceTypes=SIGN_OUT`)).json
    assert.deepEqual(event.details, { reason: 'the firewall was opened' })
  })

  test('D14: what ended untold is tried again for one application, one time range or all of it; a reason is needed, and kept', async () => {
    const untold = async (clientId: string, settledAt: number): Promise<string> => {
      const ended = await world.call('DELETE', `${realm}/sessions/${await signedIn(alice, [clientId])}`, {
        token: root,
      })
      const id = /so_[\w-]+/.exec(ended.headers.get('link') ?? '')?.[0] ?? ''
      await store.transact((tx) =>
        tx.db
          .updateTable('delivery')
          .set({ state: 'unreachable', settled_at: settledAt })
          .where('sign_out_id', '=', id)
          .execute(),
      )
      return id
    }
    const retry = (body: Record<string, unknown>, token = root) =>
      world.call('POST', `${realm}/deliveries/retry`, { token, body })
    const statesOf = async (id: string) => (await get(`${realm}/sign-outs/${id}`)).json.deliveries
    const day = 86_400_000
    const [old, wiki, chat] = [
      await untold('wiki', Date.UTC(2020, 1, 3, 12)),
      await untold('wiki', Date.now() - day),
      await untold('chat', Date.now() - day),
    ]
    assert.equal((await retry({ reason: ' ' })).json.type, 'urn:curfew:reason_missing')
    assert.equal((await retry({ reason: 'x', dateFrom: 'soon' })).json.type, 'urn:curfew:date_invalid')
    assert.equal((await retry({ reason: 'x' }, await world.tokenFor('demo', 'viewer'))).status, 403)
    const ranged = await retry({ reason: 'mended', dateFrom: '2020-02-03', dateTo: '2020-02-03' })
    assert.deepEqual([ranged.status, ranged.json.deliveryIds.length], [202, 1])
    assert.deepEqual([await statesOf(old), await statesOf(wiki)], [{ pending: 1 }, { unreachable: 1 }])
    assert.equal((await retry({ reason: 'mended', client: 'wiki' })).status, 202)
    assert.deepEqual([await statesOf(wiki), await statesOf(chat)], [{ pending: 1 }, { unreachable: 1 }])
    assert.equal((await retry({ reason: 'all of it' })).status, 202)
    assert.deepEqual(await statesOf(chat), { pending: 1 })
    assert.equal((await retry({ reason: 'all of it' })).status, 409)
    const details = (await get(`${realm}/admin-events?resourceTypes=DELIVERY`)).json.map(
      (event: { details: unknown }) => event.details,
    )
    assert.ok(
      details.some((one: unknown) => JSON.stringify(one) === '{"reason":"mended","client_id":"wiki"}'),
    )
  })

  test('D14: replays are limited to 5,000 in a realm and minute', async () => {
    const limited = await database.open()
    await using other = await createAdminWorld(limited)
    const token = await other.tokenFor('master', 'root')
    const at = Date.now()
    const { deliveryIds } = await givenSignOut(limited, ['wiki', 'chat'], at, { realmId: 'demo-id' })
    const rows = Array.from({ length: 5000 }, (_, index) => `replayed-${index}`)
    const some = await limited.read.db.selectFrom('delivery').selectAll().limit(1).executeTakeFirstOrThrow()
    await limited.transact(async (tx) => {
      await tx.db.updateTable('delivery').set({ state: 'unreachable', settled_at: at }).execute()
      await insertRows(
        tx,
        'delivery',
        rows.map((id) => ({ ...some, id, client_id: id, sid: id, generation: 2, created_at: at })),
      )
    })
    const answer = await other.call('POST', `${realm}/deliveries/retry`, { token, body: { reason: 'x' } })
    assert.deepEqual([answer.status, answer.json.type], [429, 'urn:curfew:rate_limited'])
    assert.equal(deliveryIds.length, 2)
    await limited[Symbol.asyncDispose]()
  })

  test('a sign-out over many sessions is tried again with all its parts (D14, D18)', async () => {
    await signedIn(alice, ['wiki'])
    await signedIn(alice, ['chat'])
    const ended = await world.call('POST', `${realm}/users/${alice}/logout`, { token: root })
    const id = /so_[\w-]+/.exec(ended.headers.get('link') ?? '')?.[0] ?? ''
    const retry = () =>
      world.call('POST', `${realm}/sign-outs/${id}/retry`, { token: root, body: { reason: 'x' } })
    const waiting = (await retry()).json.deliveryIds
    assert.ok(waiting.length >= 2)
    const untold = await store.transact((tx) =>
      tx.db
        .updateTable('delivery')
        .set({ state: 'unreachable', settled_at: Date.now() })
        .where('sign_out_id', 'in', (e) => e.selectFrom('sign_out').select('id').where('parent_id', '=', id))
        .returning('id')
        .execute(),
    )
    assert.equal(waiting.length, untold.length)
    assert.equal((await retry()).json.deliveryIds.length, untold.length)
  })

  test('what waits is withdrawn with a reason and ends as cancelled; what has its verdict stays (D12)', async () => {
    const ended = await world.call('DELETE', `${realm}/sessions/${await signedIn(alice, ['wiki'])}`, {
      token: root,
    })
    const id = /so_[\w-]+/.exec(ended.headers.get('link') ?? '')?.[0] ?? ''
    const deliveryOf = async () => (await get(`${realm}/sign-outs/${id}`)).json.applications[0].deliveries[0]
    const cancel = async (reason: string) =>
      world.call('POST', `${realm}/sign-outs/${id}/deliveries/${(await deliveryOf()).id}/cancel`, {
        token: root,
        body: { reason },
      })
    assert.equal((await cancel(' ')).status, 400)
    assert.equal((await cancel('it was switched off for good')).status, 204)
    const { state, detail, reason } = await deliveryOf()
    assert.deepEqual([state, detail, reason], ['cancelled', 'operator', 'it was switched off for good'])
    const [event] = (await get(`${realm}/admin-events?max=1`)).json
    assert.deepEqual(
      [event.operationType, event.resourceType, event.resourcePath.endsWith('/cancel'), event.details],
      ['ACTION', 'DELIVERY', true, { reason: 'it was switched off for good', client_id: 'wiki' }],
    )
    assert.equal((await cancel('again')).json.type, 'urn:curfew:nothing_to_cancel')
  })

  test('a fault of our own is answered with a reference for support and without a stack', async () => {
    const away = await database.open()
    await using other = await createAdminWorld(away)
    const token = await other.tokenFor('master', 'root')
    assert.equal((await other.call('GET', `${realm}/users`, { token })).status, 200)
    await away[Symbol.asyncDispose]()
    const answer = await other.call('GET', `${realm}/users`, { token })
    assert.ok(answer.status >= 500, String(answer.status))
    assert.ok(/Reference e_|Try again/.test(answer.json.error_description), answer.text)
    assert.doesNotMatch(answer.text, /at .*\.ts/)
  })
})
