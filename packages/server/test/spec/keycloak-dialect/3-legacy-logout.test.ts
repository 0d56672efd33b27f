import assert from 'node:assert/strict'
import { test } from 'node:test'
import { forEachDatabase } from '../../support/database.ts'
import {
  api,
  openProtocolWorld,
  type ProtocolWorld,
  type SignedIn,
  wiki,
} from '../../support/protocol-world.ts'

const credentials = { client_id: 'wiki', client_secret: 'wiki-secret' }
type Answer = Awaited<ReturnType<ProtocolWorld['post']>>

function logout(world: ProtocolWorld, token: string, headers: Record<string, string> = {}): Promise<Answer> {
  return world.post('/logout', { ...credentials, refresh_token: token }, headers)
}

async function state(world: ProtocolWorld, { uid }: SignedIn): Promise<string | undefined> {
  const query = world.store.read.db.selectFrom('session').select('state').where('uid', '=', uid)
  return (await query.executeTakeFirst())?.state
}

async function signOuts(world: ProtocolWorld): Promise<readonly { id: string; cause: string }[]> {
  return (await world.store.read.db.selectFrom('sign_out').select(['id', 'cause']).execute()).map((row) => ({
    ...row,
  }))
}

forEachDatabase('keycloak-dialect §3: POST to /logout with refresh_token', (database) => {
  test('KR-06, KK-40: exactly 204 and empty, the whole session ends, the applications are told, Link names the sign-out', async () => {
    await using world = await openProtocolWorld(database)
    const session = await world.signIn(['wiki', 'spa'])
    const answer = await logout(world, await world.refreshToken({ session, clientId: 'wiki' }))
    assert.deepEqual([answer.statusCode, answer.body], [204, ''])
    assert.equal(await state(world, session), 'ended')
    const [signOut] = await signOuts(world)
    assert.equal(signOut?.cause, 'legacy_refresh_token')
    assert.equal(
      answer.headers['link'],
      `<https://id.example/admin/realms/demo/sign-outs/${signOut?.id}>; rel="status"`,
    )
    const told = await world.store.read.db.selectFrom('delivery').select('client_id').execute()
    assert.deepEqual(
      told.map((row) => row.client_id),
      ['wiki'],
    )
  })

  test('KR-03: an expired token and one older than the not-before are accepted', async () => {
    await using world = await openProtocolWorld(database)
    const now = world.at / 1000
    const first = await world.signIn(['wiki'])
    const expired = await world.refreshToken({ session: first, clientId: 'wiki', exp: now - 5 })
    assert.equal((await logout(world, expired)).statusCode, 204)
    assert.equal(await state(world, first), 'ended')
    world.realm = { ...world.realm, notBefore: now + 100 }
    const second = await world.signIn(['wiki'])
    assert.equal(
      (await logout(world, await world.refreshToken({ session: second, clientId: 'wiki' }))).statusCode,
      204,
    )
    assert.equal(await state(world, second), 'ended')
  })

  test('KR-03: also when the expired token has no row any more', async () => {
    await using world = await openProtocolWorld(database)
    const session = await world.signIn(['wiki'])
    const token = await world.refreshToken({ session, clientId: 'wiki', isUnknown: true })
    assert.equal((await logout(world, token)).statusCode, 204)
    assert.equal(await state(world, session), 'ended')
  })

  test('KR-04: an offline token ends the offline grant and the session that it came from', async () => {
    await using world = await openProtocolWorld(database)
    const session = await world.signIn(['wiki'])
    const token = await world.refreshToken({ session, clientId: 'wiki', typ: 'Offline' })
    assert.equal((await logout(world, token)).statusCode, 204)
    assert.equal(await state(world, session), 'ended')
    assert.deepEqual(await world.store.read.db.selectFrom('artifact').select('kind').execute(), [])
  })

  test('KR-05, SR-09: a session that is gone is 204 as well, and the first sign-out stays the only one', async () => {
    await using world = await openProtocolWorld(database)
    const session = await world.signIn(['wiki'])
    const token = await world.refreshToken({ session, clientId: 'wiki' })
    const first = await logout(world, token)
    const second = await logout(world, token)
    assert.deepEqual([first.statusCode, second.statusCode], [204, 204])
    assert.equal(second.headers['link'], first.headers['link'])
    assert.equal((await signOuts(world)).length, 1)
  })

  test('a late call of an application that the person left alone leaves the session alone', async () => {
    await using world = await openProtocolWorld(database)
    const session = await world.signIn(['wiki', 'spa'])
    const token = await world.refreshToken({ session, clientId: 'wiki' })
    await world.store.transact((tx) =>
      tx.db
        .updateTable('client_session')
        .set({ ended_at: world.at })
        .where('client_id', '=', 'wiki')
        .execute(),
    )
    assert.equal((await logout(world, token)).statusCode, 204)
    assert.equal(await state(world, session), 'active')
  })

  test('KR-20: every cause of invalid_token has its own sentence, one wire error, and ends nothing', async () => {
    const causes: readonly (readonly [
      name: string,
      token: (world: ProtocolWorld, session: SignedIn) => Promise<string>,
      said: RegExp,
    ])[] = [
      ['not a JWT', async () => 'an-opaque-value', /not a JWT.*encoded twice/],
      [
        'a foreign key',
        async (world, session) =>
          `${(await world.refreshToken({ session, clientId: 'wiki' })).slice(0, -6)}AAAAAA`,
        /not signed by a key of the realm demo/,
      ],
      [
        'another issuer',
        (world, session) =>
          world.refreshToken({ session, clientId: 'wiki', issuer: 'https://old.example/realms/demo' }),
        /issued by https:\/\/old\.example\/realms\/demo, but this realm's issuer is https:\/\/id\.example\/realms\/demo/,
      ],
      [
        'an access token',
        (world, session) => world.accessToken({ sid: session.sid('wiki') }),
        /a token of the kind Bearer where a refresh token belongs/,
      ],
      [
        'another client',
        (world, session) => world.refreshToken({ session, clientId: 'spa' }),
        /issued for spa.*share one session store/,
      ],
      [
        'replaced by rotation',
        (world, session) => world.refreshToken({ session, clientId: 'wiki', consumedAt: world.at }),
        /already replaced by a newer one/,
      ],
      [
        'unknown',
        (world) =>
          world.refreshToken({
            session: { uid: 'gone', cookie: '', sid: () => 'gone' },
            clientId: 'wiki',
            isUnknown: true,
          }),
        /nothing is stored any more.*old backup/,
      ],
    ]
    for (const [name, makeToken, said] of causes) {
      await using world = await openProtocolWorld(database)
      const session = await world.signIn(['wiki', 'spa'])
      const token = await makeToken(world, session)
      const answer = await logout(world, token)
      assert.deepEqual(
        [answer.statusCode, answer.json()],
        [400, { error: 'invalid_grant', error_description: 'Invalid refresh token' }],
        name,
      )
      assert.match(world.explanation(), said, name)
      const event = world.lines.find(({ fields }) => fields['type'] === 'LOGOUT_ERROR')
      assert.equal(event?.fields['error'], 'invalid_token', name)
      assert.ok(!JSON.stringify(world.lines).includes(token), `${name}: no token in the log (KE-33)`)
      assert.equal(await state(world, session), 'active', name)
    }
  })

  test('KR-20: a token that was replaced and comes again costs its family, RFC 9700 §4.14.2', async () => {
    await using world = await openProtocolWorld(database)
    const session = await world.signIn(['wiki'])
    await world.refreshToken({ session, clientId: 'wiki', jti: 'newer' })
    await logout(
      world,
      await world.refreshToken({ session, clientId: 'wiki', jti: 'older', consumedAt: world.at }),
    )
    assert.deepEqual(await world.store.read.db.selectFrom('artifact').select('kind').execute(), [])
  })

  test('KR-01, KR-09, KR-13: a bad secret is 401; Basic beside the same secret in the body is accepted, beside another is not', async () => {
    await using world = await openProtocolWorld(database)
    const session = await world.signIn(['wiki'])
    const refreshToken = await world.refreshToken({ session, clientId: 'wiki' })
    const bad = await world.post('/logout', {
      client_id: 'wiki',
      client_secret: 'no',
      refresh_token: refreshToken,
    })
    assert.deepEqual([bad.statusCode, bad.json().error], [401, 'invalid_client'])
    const none = await world.post('/logout', { client_id: 'wiki', refresh_token: refreshToken })
    assert.equal(none.statusCode, 401)
    const basic = (secret: string): Record<string, string> => ({
      authorization: `Basic ${Buffer.from(`wiki:${secret}`).toString('base64')}`,
    })
    assert.equal((await logout(world, refreshToken, basic('other'))).statusCode, 401)
    assert.equal((await logout(world, refreshToken, basic('wiki-secret'))).statusCode, 204)
  })

  test('KR-10: a bearer-only client is 400 invalid_client', async () => {
    await using world = await openProtocolWorld(database)
    const form = { client_id: 'api', client_secret: String(api.secret), refresh_token: 'x' }
    const answer = await world.post('/logout', form)
    assert.deepEqual([answer.statusCode, answer.json().error], [400, 'invalid_client'])
  })

  test('KR-12: CORS headers for the origins of the client, on 400 and 401 too; a foreign origin still succeeds', async () => {
    await using world = await openProtocolWorld(database)
    const session = await world.signIn(['wiki'])
    const token = await world.refreshToken({ session, clientId: 'wiki' })
    const origin = wiki.webOrigins[0] as string
    const allowed = (answer: Answer): unknown => answer.headers['access-control-allow-origin']
    assert.equal(allowed(await logout(world, 'x', { origin })), origin)
    const refused = await world.post(
      '/logout',
      { client_id: 'wiki', client_secret: 'no', refresh_token: 'x' },
      { origin },
    )
    assert.deepEqual([refused.statusCode, allowed(refused)], [401, origin])
    const foreign = await logout(world, token, { origin: 'https://evil.example' })
    assert.deepEqual([foreign.statusCode, allowed(foreign)], [204, undefined])
  })

  test('KR-02: plain http is 403 where the realm demands https of everybody', async () => {
    await using world = await openProtocolWorld(database, { settings: { sslRequired: 'all' } })
    const answer = await logout(world, 'x')
    assert.deepEqual([answer.statusCode, answer.json().error_description], [403, 'HTTPS required'])
  })
})
