import assert from 'node:assert/strict'
import { test } from 'node:test'
import { forEachDatabase } from '../../support/database.ts'
import { openProtocolWorld, type ProtocolWorld, type SignedIn, wiki } from '../../support/protocol-world.ts'
import { someMapper } from '../../support/realm-in-memory.ts'

const path = '/realms/demo/protocol/openid-connect/userinfo'

async function status(world: ProtocolWorld, token: string): Promise<number> {
  return (await world.get(path, { authorization: `Bearer ${token}` })).statusCode
}

async function setSession(
  world: ProtocolWorld,
  { uid }: SignedIn,
  set: Record<string, number | string>,
): Promise<void> {
  await world.store.transact((tx) => tx.db.updateTable('session').set(set).where('uid', '=', uid).execute())
}

forEachDatabase('OpenID Connect Core 1.0 §5.3 UserInfo Endpoint', (database) => {
  test('§5.3.2: answers with sub and the claims of the granted scopes, by GET and POST (KP-07, KK-65)', async () => {
    await using world = await openProtocolWorld(database)
    const session = await world.signIn(['wiki'])
    const token = await world.accessToken({ sid: session.sid('wiki') })
    const expected = {
      sub: 'account-1',
      name: 'Alice Ames',
      preferred_username: 'alice',
      given_name: 'Alice',
      family_name: 'Ames',
      email: 'alice@example.org',
      email_verified: true,
    }
    const got = await world.get(path, { authorization: `bearer ${token}` })
    assert.deepEqual([got.statusCode, got.json()], [200, expected], 'the scheme is case-insensitive (KK-07)')
    assert.equal(got.headers['cache-control'], 'no-store')
    const posted = await world.post('/userinfo', {}, { authorization: `Bearer ${token}` })
    assert.deepEqual([posted.statusCode, posted.json()], [200, expected])
    const inBody = await world.post('/userinfo', { access_token: token })
    assert.deepEqual([inBody.statusCode, inBody.json()], [200, expected])
  })

  for (const algorithm of ['RS256', 'PS256', 'ES256', 'EdDSA']) {
    test(`a token signed with ${algorithm} is verified with the realm's key`, async () => {
      await using world = await openProtocolWorld(database)
      const session = await world.signIn(['wiki'])
      const key = world.keys.find((candidate) => candidate.algorithm === algorithm)
      const token = await world.accessToken({ sid: session.sid('wiki') }, key)
      assert.equal(await status(world, token), 200)
      const forged = `${token.slice(0, -8)}${token.slice(-8) === 'AAAAAAAA' ? 'BBBBBBBB' : 'AAAAAAAA'}`
      assert.equal(await status(world, forged), 401)
    })
  }

  test('I1: refused from the commit on that ends the session, and at the instant when its time is over', async () => {
    await using world = await openProtocolWorld(database)
    const session = await world.signIn(['wiki'])
    const token = await world.accessToken({ sid: session.sid('wiki') })
    await setSession(world, session, { idle_until: world.at + 1 })
    assert.equal(await status(world, token), 200)
    world.at += 1
    assert.equal(await status(world, token), 401)
    await setSession(world, session, { idle_until: world.at + 1000, state: 'ended', ended_at: world.at })
    assert.equal(await status(world, token), 401)
  })

  test('refused after its exp, which is exclusive', async () => {
    await using world = await openProtocolWorld(database)
    const session = await world.signIn(['wiki'])
    const exp = world.at / 1000 + 5
    const token = await world.accessToken({ sid: session.sid('wiki'), exp })
    world.at = exp * 1000 - 1
    assert.equal(await status(world, token), 200)
    world.at = exp * 1000
    assert.equal(await status(world, token), 401)
  })

  test('not-before of realm, client and account: each level counts by itself (GHSA-83c4-ffjp-mxp9)', async () => {
    await using world = await openProtocolWorld(database)
    const session = await world.signIn(['wiki'])
    const token = await world.accessToken({ sid: session.sid('wiki') })
    const now = world.at / 1000
    const realm = world.realm
    world.realm = { ...realm, notBefore: now }
    assert.equal(await status(world, token), 401, 'realm')
    const older = { ...wiki, notBefore: now - 1000 }
    world.realm = { ...world.realm, clients: new Map([['wiki', older]]) }
    assert.equal(
      await status(world, token),
      401,
      'an older not-before of the client takes nothing back (CVE-2026-8922)',
    )
    world.realm = { ...realm, clients: new Map([['wiki', { ...wiki, notBefore: now }]]) }
    assert.equal(await status(world, token), 401, 'client')
    world.realm = realm
    assert.equal(await status(world, token), 200)
    await world.store.transact((tx) => tx.db.updateTable('account').set({ not_before: now }).execute())
    assert.equal(await status(world, token), 401, 'account')
  })

  test('refused for a disabled account and for a disabled client', async () => {
    await using world = await openProtocolWorld(database)
    const session = await world.signIn(['wiki'])
    const token = await world.accessToken({ sid: session.sid('wiki') })
    const realm = world.realm
    world.realm = { ...realm, clients: new Map([['wiki', { ...wiki, enabled: false }]]) }
    assert.equal(await status(world, token), 401)
    world.realm = realm
    await world.store.transact((tx) => tx.db.updateTable('account').set({ enabled: 0 }).execute())
    assert.equal(await status(world, token), 401)
  })

  test("a sid of another application's client session opens nothing", async () => {
    await using world = await openProtocolWorld(database)
    const session = await world.signIn(['wiki', 'spa'])
    const token = await world.accessToken({ azp: 'wiki', sid: session.sid('spa') })
    assert.equal(await status(world, token), 401)
  })

  test('RFC 6750 §3.1: the challenge names invalid_token; without a token it names no error', async () => {
    await using world = await openProtocolWorld(database)
    const bare = await world.get(path)
    assert.equal(bare.statusCode, 401)
    assert.equal(bare.headers['www-authenticate'], 'Bearer realm="demo"')
    const bad = await world.get(path, { authorization: 'Bearer abc' })
    assert.match(String(bad.headers['www-authenticate']), /error="invalid_token"/)
    assert.deepEqual(bad.json(), { error: 'invalid_token', error_description: 'Token verification failed' })
  })

  test('RFC 6750 §2: a token sent in two ways is refused, and one in the query is not read', async () => {
    await using world = await openProtocolWorld(database)
    const session = await world.signIn(['wiki'])
    const token = await world.accessToken({ sid: session.sid('wiki') })
    const twice = await world.post('/userinfo', { access_token: token }, { authorization: `Bearer ${token}` })
    assert.equal(twice.statusCode, 400)
    assert.equal((await world.get(`${path}?access_token=${token}`)).statusCode, 401)
  })

  test('a token without the scope openid gets 403 insufficient_scope', async () => {
    await using world = await openProtocolWorld(database)
    const session = await world.signIn(['wiki'])
    const token = await world.accessToken({ sid: session.sid('wiki'), scope: 'email' })
    const answer = await world.get(path, { authorization: `Bearer ${token}` })
    assert.equal(answer.statusCode, 403)
    assert.equal(answer.json().error, 'insufficient_scope')
  })

  test('the event of a refusal says how the session ended (KE-05, KR-20)', async () => {
    await using world = await openProtocolWorld(database)
    const session = await world.signIn(['wiki'])
    const token = await world.accessToken({ sid: session.sid('wiki') })
    await setSession(world, session, { state: 'ended', ended_at: world.at })
    await world.store.transact((tx) =>
      tx.db.insertInto('sign_out').values(signOutRow(world, session)).execute(),
    )
    await world.get(path, { authorization: `Bearer ${token}` })
    assert.match(
      world.explanation(),
      /wiki sent an access token that belongs to a session that ended at \d\d:\d\d by an administrator/,
    )
    assert.ok(!JSON.stringify(world.lines).includes(token), 'no token in the log')
  })

  test('roles and group attributes are read when a mapper asks for them', async () => {
    const everywhere = { 'userinfo.token.claim': 'true' }
    const client = {
      ...wiki,
      protocolMappers: [
        someMapper('oidc-usermodel-realm-role-mapper', { ...everywhere, 'claim.name': 'roles' }),
        someMapper('oidc-group-membership-mapper', { ...everywhere, 'claim.name': 'groups' }),
      ],
    }
    const role = {
      id: 'r1',
      name: 'editor',
      description: undefined,
      clientUuid: undefined,
      composites: [],
      attributes: {},
    }
    await using world = await openProtocolWorld(database, { clients: [client], roles: [role] })
    await world.store.transact(async (tx) => {
      await tx.db
        .insertInto('role')
        .values({ id: 'r1', realm_id: 'realm-1', client_uuid: null, name: 'editor', representation: '{}' })
        .execute()
      await tx.db.insertInto('account_role').values({ account_id: 'account-1', role_id: 'r1' }).execute()
    })
    const session = await world.signIn(['wiki'])
    const token = await world.accessToken({ sid: session.sid('wiki') })
    const answer = await world.get(path, { authorization: `Bearer ${token}` })
    assert.deepEqual(answer.json().roles, ['editor'])
  })

  test('CORS: the headers are for origins of this client, on errors too; the preflight passes (KK-22)', async () => {
    await using world = await openProtocolWorld(database)
    const session = await world.signIn(['wiki'])
    const authorization = `Bearer ${await world.accessToken({ sid: session.sid('wiki') })}`
    const allowed = (answer: { headers: Record<string, unknown> }): unknown =>
      answer.headers['access-control-allow-origin']
    assert.equal(
      allowed(await world.get(path, { authorization, origin: 'https://wiki.example' })),
      'https://wiki.example',
    )
    assert.equal(allowed(await world.get(path, { authorization, origin: 'https://spa.example' })), undefined)
    assert.equal(
      allowed(await world.get(path, { authorization: 'Bearer x', origin: 'https://wiki.example' })),
      'https://wiki.example',
    )
    const preflight = await world.app.inject({
      method: 'OPTIONS',
      url: path,
      headers: { origin: 'https://wiki.example' },
    })
    assert.equal(preflight.statusCode, 204)
    assert.equal(preflight.headers['access-control-allow-credentials'], 'true')
    assert.match(String(preflight.headers['access-control-allow-headers']), /Authorization/)
    const foreign = await world.app.inject({
      method: 'OPTIONS',
      url: path,
      headers: { origin: 'https://evil.example' },
    })
    assert.equal(foreign.headers['access-control-allow-origin'], undefined)
  })

  test('an unknown realm is 404 as Keycloak says it', async () => {
    await using world = await openProtocolWorld(database)
    const answer = await world.get('/realms/nowhere/protocol/openid-connect/userinfo')
    assert.deepEqual([answer.statusCode, answer.json()], [404, { error: 'Realm does not exist' }])
  })
})

function signOutRow(world: ProtocolWorld, session: SignedIn) {
  return {
    id: 'so_1',
    realm_id: world.realm.id,
    scope: 'session',
    kind: 'ordinary',
    cause: 'administrator',
    initiator: 'admin',
    actor_account_id: null,
    actor_client_id: null,
    actor_ip_address: null,
    session_uid: session.uid,
    account_id: null,
    parent_id: null,
    application_count: 1,
    committed_at: world.at,
    completed_at: null,
  }
}
