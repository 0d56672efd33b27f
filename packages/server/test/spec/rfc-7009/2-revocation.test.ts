import assert from 'node:assert/strict'
import { test } from 'node:test'
import { markAnswered } from '../../../src/session/mark-answered.ts'
import { forEachDatabase } from '../../support/database.ts'
import { openProtocolWorld, type ProtocolWorld, type SignedIn } from '../../support/protocol-world.ts'

const credentials = { client_id: 'wiki', client_secret: 'wiki-secret' }

async function isActive(world: ProtocolWorld, token: string): Promise<boolean> {
  return (await world.post('/token/introspect', { ...credentials, token })).json().active
}

async function revoke(
  world: ProtocolWorld,
  token: string,
  as: Record<string, string> = credentials,
): Promise<number> {
  return (await world.post('/revoke', { ...as, token })).statusCode
}

async function deliveredClients(world: ProtocolWorld): Promise<readonly string[]> {
  const rows = await world.store.read.db.selectFrom('delivery').select('client_id').execute()
  return rows.map((row) => row.client_id)
}

async function sessionState(world: ProtocolWorld, { uid }: SignedIn): Promise<string | undefined> {
  const query = world.store.read.db.selectFrom('session').select('state').where('uid', '=', uid)
  return (await query.executeTakeFirst())?.state
}

forEachDatabase('RFC 7009 §2 Token Revocation', (database) => {
  test('KV-01: a refresh token takes the tokens of its application with it; the application stays listed in the session', async () => {
    await using world = await openProtocolWorld(database)
    const session = await world.signIn(['wiki', 'spa'])
    const refresh = await world.refreshToken({ session, clientId: 'wiki' })
    const access = await world.accessToken({ sid: session.sid('wiki') })
    const other = await world.accessToken({ azp: 'spa', sid: session.sid('spa') })
    assert.equal(await revoke(world, refresh), 200)
    assert.deepEqual(
      [await isActive(world, refresh), await isActive(world, access), await isActive(world, other)],
      [false, false, true],
    )
    assert.equal(await sessionState(world, session), 'active')
    const listed = await world.store.read.db
      .selectFrom('client_session')
      .select(['client_id', 'ended_at'])
      .where('client_id', '=', 'wiki')
      .executeTakeFirst()
    assert.equal(listed?.ended_at, null)
    assert.deepEqual(await deliveredClients(world), [])
  })

  test('KV-01: what the application gets afterwards in the same session is good', async () => {
    await using world = await openProtocolWorld(database)
    const session = await world.signIn(['wiki', 'spa'])
    await revoke(world, await world.refreshToken({ session, clientId: 'wiki' }))
    world.at += 20_000
    assert.equal(await isActive(world, await world.accessToken({ sid: session.sid('wiki') })), true)
  })

  test('KV-02: an application that was revoked and has got tokens since is not left behind: the session stays', async () => {
    await using world = await openProtocolWorld(database)
    const session = await world.signIn(['wiki', 'spa'])
    await revoke(world, await world.refreshToken({ session, clientId: 'wiki' }))
    world.at += 1000
    const answered = { sessionUid: session.uid, clientId: 'wiki' }
    await world.store.transact((tx) => markAnswered(tx, answered, world.at))
    const spa = { client_id: 'spa' }
    assert.equal(await revoke(world, await world.refreshToken({ session, clientId: 'spa' }), spa), 200)
    assert.equal(await sessionState(world, session), 'active')
  })

  test('KV-02: the last application with tokens: the session is signed out, and those revoked before are told as well', async () => {
    await using world = await openProtocolWorld(database)
    const session = await world.signIn(['wiki', 'spa'])
    const last = { client_id: 'spa' }
    await revoke(world, await world.refreshToken({ session, clientId: 'wiki' }))
    assert.equal(await sessionState(world, session), 'active')
    assert.equal(await revoke(world, await world.refreshToken({ session, clientId: 'spa' }), last), 200)
    assert.equal(await sessionState(world, session), 'ended')
    assert.deepEqual(await deliveredClients(world), ['wiki'])
    const signOut = await world.store.read.db
      .selectFrom('sign_out')
      .select(['cause', 'kind'])
      .executeTakeFirst()
    assert.deepEqual({ ...signOut }, { cause: 'token_revoked', kind: 'ordinary' })
  })

  test('KV-03: an access token alone is revoked, the refresh token of the same sign-in stays', async () => {
    await using world = await openProtocolWorld(database)
    const session = await world.signIn(['wiki'])
    const refresh = await world.refreshToken({ session, clientId: 'wiki' })
    const access = await world.accessToken({ sid: session.sid('wiki') })
    const second = await world.accessToken({ sid: session.sid('wiki'), n: 2 })
    assert.equal(await revoke(world, access), 200)
    assert.equal(await revoke(world, access), 200)
    assert.deepEqual(
      [await isActive(world, access), await isActive(world, second), await isActive(world, refresh)],
      [false, true, true],
    )
  })

  test('KV-04: an offline token ends its offline grant, the session of the browser stays', async () => {
    await using world = await openProtocolWorld(database)
    const session = await world.signIn(['wiki'])
    const offline = await world.refreshToken({ session, clientId: 'wiki', typ: 'Offline' })
    const online = await world.refreshToken({ session, clientId: 'wiki' })
    assert.equal(await revoke(world, offline), 200)
    assert.deepEqual([await isActive(world, offline), await isActive(world, online)], [false, true])
    assert.equal(await sessionState(world, session), 'active')
  })

  test('KV-05: a token of another client is refused and stays', async () => {
    await using world = await openProtocolWorld(database)
    const session = await world.signIn(['wiki', 'spa'])
    const access = await world.accessToken({ sid: session.sid('wiki') })
    const refresh = await world.refreshToken({ session, clientId: 'wiki' })
    for (const token of [access, refresh]) assert.equal(await revoke(world, token, { client_id: 'spa' }), 400)
    assert.deepEqual([await isActive(world, access), await isActive(world, refresh)], [true, true])
  })

  test('KV-06: a token that is unknown, broken or from elsewhere is answered with 200', async () => {
    await using world = await openProtocolWorld(database)
    const session = await world.signIn(['wiki'])
    const unknown = await world.refreshToken({ session, clientId: 'wiki', isUnknown: true })
    for (const token of [unknown, 'x', 'a.b.c']) assert.equal(await revoke(world, token), 200)
  })

  test('an ID token cannot be revoked', async () => {
    await using world = await openProtocolWorld(database)
    const answer = await world.post('/revoke', {
      ...credentials,
      token: await world.accessToken({ typ: 'ID' }),
    })
    assert.deepEqual([answer.statusCode, answer.json().error], [400, 'unsupported_token_type'])
  })

  test('KV-08: a wrong token_type_hint does not hinder', async () => {
    await using world = await openProtocolWorld(database)
    const session = await world.signIn(['wiki', 'spa'])
    const refresh = await world.refreshToken({ session, clientId: 'wiki' })
    await world.post('/revoke', { ...credentials, token: refresh, token_type_hint: 'access_token' })
    assert.equal(await isActive(world, refresh), false)
  })

  test('KV-09: the event names the client and the kind of token, and holds no token', async () => {
    await using world = await openProtocolWorld(database)
    const session = await world.signIn(['wiki', 'spa'])
    const refresh = await world.refreshToken({ session, clientId: 'wiki' })
    await revoke(world, refresh)
    const event = world.lines.find(({ fields }) => fields['type'] === 'REVOKE_GRANT')
    assert.deepEqual(event?.fields['details'], {
      refresh_token_type: 'Refresh',
      revoked_client: 'wiki',
      client_auth_method: 'client-secret',
    })
    assert.ok(!JSON.stringify(world.lines).includes(refresh))
  })

  test('two applications that revoke at the same moment: the second one ends the session', async () => {
    await using world = await openProtocolWorld(database)
    const session = await world.signIn(['wiki', 'spa'])
    const ofWiki = await world.refreshToken({ session, clientId: 'wiki' })
    const ofSpa = await world.refreshToken({ session, clientId: 'spa' })
    await Promise.all([revoke(world, ofWiki), revoke(world, ofSpa, { client_id: 'spa' })])
    assert.equal(await sessionState(world, session), 'ended')
  })
})
