import assert from 'node:assert/strict'
import { test } from 'node:test'
import { forEachDatabase } from '../../support/database.ts'
import { openProtocolWorld, type ProtocolWorld, wiki } from '../../support/protocol-world.ts'
import { someClient, someMapper } from '../../support/realm-in-memory.ts'

const credentials = { client_id: 'wiki', client_secret: 'wiki-secret' }

async function introspect(world: ProtocolWorld, token: string): Promise<Record<string, unknown>> {
  const answer = await world.post('/token/introspect', { ...credentials, token })
  assert.equal(answer.statusCode, 200, answer.body)
  return answer.json()
}

forEachDatabase('RFC 7662 §2 Introspection Endpoint', (database) => {
  test('§2.2: an access token of a live session is active, with its claims, client_id and username (KP-05)', async () => {
    await using world = await openProtocolWorld(database)
    const session = await world.signIn(['wiki'])
    const token = await world.accessToken({ sid: session.sid('wiki'), realm_access: { roles: ['a'] } })
    const answer = await introspect(world, token)
    const { active, azp, client_id, username, sub, token_type, realm_access, typ } = answer
    assert.deepEqual(
      { active, azp, client_id, username, sub, token_type, realm_access, typ },
      {
        active: true,
        azp: 'wiki',
        client_id: 'wiki',
        username: 'alice',
        sub: 'account-1',
        token_type: 'Bearer',
        realm_access: { roles: ['a'] },
        typ: 'Bearer',
      },
    )
  })

  test('§2.2: of a token that is not active nothing else is said, from the end of the session on (I1)', async () => {
    await using world = await openProtocolWorld(database)
    const session = await world.signIn(['wiki'])
    const token = await world.accessToken({ sid: session.sid('wiki') })
    await world.store.transact((tx) =>
      tx.db.updateTable('session').set({ state: 'ended', ended_at: world.at }).execute(),
    )
    assert.deepEqual(await introspect(world, token), { active: false })
    assert.deepEqual(await introspect(world, 'not-a-token'), { active: false })
  })

  test('an application that left the session alone has no active token, the others keep theirs', async () => {
    await using world = await openProtocolWorld(database)
    const session = await world.signIn(['wiki', 'spa'])
    const left = await world.accessToken({ sid: session.sid('wiki') })
    const stays = await world.accessToken({ azp: 'spa', sid: session.sid('spa') })
    await world.store.transact((tx) =>
      tx.db
        .updateTable('client_session')
        .set({ ended_at: world.at })
        .where('client_id', '=', 'wiki')
        .execute(),
    )
    assert.equal((await introspect(world, left))['active'], false)
    assert.equal((await introspect(world, stays))['active'], true)
  })

  test('a refresh token is active until it is used up, expired, revoked or its session ended', async () => {
    await using world = await openProtocolWorld(database)
    const session = await world.signIn(['wiki'])
    const live = await world.refreshToken({ session, clientId: 'wiki', jti: 'r1' })
    const used = await world.refreshToken({ session, clientId: 'wiki', jti: 'r2', consumedAt: world.at })
    const gone = await world.refreshToken({ session, clientId: 'wiki', jti: 'r3', isUnknown: true })
    const old = await world.refreshToken({ session, clientId: 'wiki', jti: 'r4', exp: world.at / 1000 })
    const answer = await introspect(world, live)
    assert.deepEqual(
      ['active', 'typ', 'token_type', 'client_id', 'username'].map((name) => answer[name]),
      [true, 'Refresh', 'Refresh', 'wiki', 'alice'],
    )
    for (const token of [used, gone, old]) assert.deepEqual(await introspect(world, token), { active: false })
    await world.store.transact((tx) =>
      tx.db.updateTable('session').set({ state: 'ended', ended_at: world.at }).execute(),
    )
    assert.deepEqual(await introspect(world, live), { active: false })
  })

  test('SR-06: what an offline grant gave stays active after the session, what the session gave does not', async () => {
    await using world = await openProtocolWorld(database)
    const session = await world.signIn(['wiki'])
    const offline = await world.refreshToken({ session, clientId: 'wiki', typ: 'Offline' })
    const sid = session.sid('wiki')
    const fromOffline = await world.accessToken({ sid, scope: 'openid offline_access' })
    const fromSession = await world.accessToken({ sid })
    await world.store.transact((tx) =>
      tx.db.updateTable('session').set({ state: 'ended', ended_at: world.at }).execute(),
    )
    assert.equal((await introspect(world, offline))['active'], true)
    assert.equal((await introspect(world, fromOffline))['active'], true)
    assert.equal((await introspect(world, fromSession))['active'], false)
    await world.store.transact((tx) => tx.db.deleteFrom('artifact').execute())
    assert.equal((await introspect(world, fromOffline))['active'], false)
  })

  test('a token of the client credentials grant lives without a session, until its client may no longer have one', async () => {
    const robot = someClient({ clientId: 'robot', secret: 's', serviceAccountsEnabled: true })
    await using world = await openProtocolWorld(database, { clients: [wiki, robot] })
    const token = await world.accessToken({ azp: 'robot', sub: 'service-1' })
    const answer = await introspect(world, token)
    assert.deepEqual([answer['active'], answer['username']], [true, 'service-account-robot'])
    world.realm = {
      ...world.realm,
      clients: new Map([
        ['wiki', wiki],
        ['robot', { ...robot, serviceAccountsEnabled: false }],
      ]),
    }
    assert.deepEqual(await introspect(world, token), { active: false })
  })

  test('a bearer-only client may ask, a public one may not, an unknown secret may not', async () => {
    await using world = await openProtocolWorld(database)
    const session = await world.signIn(['wiki'])
    const token = await world.accessToken({ sid: session.sid('wiki') })
    const asBearerOnly = await world.post('/token/introspect', {
      client_id: 'api',
      client_secret: 'api-secret',
      token,
    })
    assert.equal(asBearerOnly.json().active, true)
    const asPublic = await world.post('/token/introspect', { client_id: 'spa', token })
    assert.equal(asPublic.statusCode, 401)
    const asNobody = await world.post('/token/introspect', {
      client_id: 'wiki',
      client_secret: 'guess',
      token,
    })
    assert.deepEqual([asNobody.statusCode, asNobody.json().error], [401, 'invalid_client'])
  })

  test('a token of another realm is not active, and the event says which issuer made it (KE-34)', async () => {
    await using world = await openProtocolWorld(database)
    const session = await world.signIn(['wiki'])
    const iss = 'https://old.example/auth/realms/demo'
    const token = await world.accessToken({ sid: session.sid('wiki'), iss })
    assert.deepEqual(await introspect(world, token), { active: false })
    assert.match(
      world.explanation(),
      /issued by https:\/\/old\.example\/auth\/realms\/demo, but this realm's issuer is/,
    )
  })

  test('a claim that a mapper keeps for introspection is added here', async () => {
    const client = {
      ...wiki,
      protocolMappers: [
        someMapper('oidc-hardcoded-claim-mapper', {
          'claim.name': 'tier',
          'claim.value': 'gold',
          'access.token.claim': 'false',
          'introspection.token.claim': 'true',
        }),
      ],
    }
    await using world = await openProtocolWorld(database, { clients: [client] })
    const session = await world.signIn(['wiki'])
    const token = await world.accessToken({ sid: session.sid('wiki') })
    assert.equal((await introspect(world, token))['tier'], 'gold')
  })

  test('RIL-29, KK-04: a parameter sent twice is refused, an empty one counts as absent', async () => {
    await using world = await openProtocolWorld(database)
    const twice = await world.app.inject({
      method: 'POST',
      url: '/realms/demo/protocol/openid-connect/token/introspect',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      payload: 'client_id=wiki&client_secret=wiki-secret&token=a&token=b',
    })
    assert.deepEqual([twice.statusCode, twice.json().error], [400, 'invalid_request'])
    const empty = await world.post('/token/introspect', { ...credentials, token: '' })
    assert.deepEqual([empty.statusCode, empty.json().error_description], [400, 'Token not provided.'])
  })
})
