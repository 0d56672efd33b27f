import assert from 'node:assert/strict'
import { test } from 'node:test'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import { forEachDatabase } from '../../support/database.ts'
import { openProtocolWorld, type ProtocolWorld } from '../../support/protocol-world.ts'
import { someClient } from '../../support/realm-in-memory.ts'

const assertionType = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'

function basic(id: string, secret: string): Record<string, string> {
  return { authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}` }
}

/** Introspection of nonsense: 200 means that the client is who it says. */
async function status(
  world: ProtocolWorld,
  form: Record<string, string>,
  headers: Record<string, string> = {},
): Promise<number> {
  return (await world.post('/token/introspect', { ...form, token: 'x' }, headers)).statusCode
}

forEachDatabase('RFC 6749 §2.3 Client Authentication', (database) => {
  test('§2.3.1: Basic, compared form-decoded and as it stands (KK-06), and the body', async () => {
    const odd = someClient({ clientId: 'a:b c', secret: 's+ecret %/é' })
    const plain = someClient({ clientId: 'plain', secret: 'a%41+b' })
    await using world = await openProtocolWorld(database, { clients: [odd, plain] })
    const encoded = (value: string): string => encodeURIComponent(value).replaceAll('%20', '+')
    assert.equal(await status(world, {}, basic(encoded('a:b c'), encoded('s+ecret %/é'))), 200)
    assert.equal(await status(world, {}, basic('plain', 'a%41+b')), 200, 'as it stands')
    assert.equal(await status(world, {}, basic('plain', 'a%2541%2Bb')), 200, 'form-encoded')
    assert.equal(await status(world, {}, basic('plain', 'aA+b')), 401)
    assert.equal(await status(world, { client_id: 'plain', client_secret: 'a%41+b' }), 200)
  })

  test('KK-05: header and body at once are one client and one secret, or 401', async () => {
    await using world = await openProtocolWorld(database)
    const body = { client_id: 'wiki', client_secret: 'wiki-secret' }
    assert.equal(await status(world, body, basic('wiki', 'wiki-secret')), 200)
    assert.equal(await status(world, { client_id: 'wiki' }, basic('wiki', 'wiki-secret')), 200)
    assert.equal(await status(world, { ...body, client_secret: 'other' }, basic('wiki', 'wiki-secret')), 401)
    assert.equal(await status(world, body, basic('wiki', 'other')), 401)
    assert.equal(await status(world, body, basic('api', 'api-secret')), 401)
  })

  for (const [name, form, headers] of [
    ['nobody', {}, {}],
    ['an unknown client', { client_id: 'nobody', client_secret: 'x' }, {}],
    ['no secret', { client_id: 'wiki' }, {}],
    ['a wrong secret', { client_id: 'wiki', client_secret: 'x' }, {}],
    ['an unreadable header', {}, { authorization: 'Basic =' }],
    ['a header without a colon', {}, { authorization: `Basic ${Buffer.from('wiki').toString('base64')}` }],
    ['a header of another scheme', { client_id: 'wiki' }, { authorization: 'Digest wiki' }],
  ] as const) {
    test(`§5.2: ${name} is 401 invalid_client, with one and the same text`, async () => {
      await using world = await openProtocolWorld(database)
      const answer = await world.post('/token/introspect', { ...form, token: 'x' }, { ...headers })
      assert.deepEqual(
        [answer.statusCode, answer.json()],
        [401, { error: 'invalid_client', error_description: 'Invalid client or Invalid client credentials' }],
      )
      assert.ok(world.explanation().length > 20)
    })
  }

  test('§5.2: a client that used the header is told the scheme', async () => {
    await using world = await openProtocolWorld(database)
    const answer = await world.post('/token/introspect', { token: 'x' }, basic('wiki', 'no'))
    assert.equal(answer.headers['www-authenticate'], 'Basic realm="demo"')
  })

  test('a disabled client is refused with its right secret', async () => {
    const off = someClient({ clientId: 'off', secret: 's', enabled: false })
    await using world = await openProtocolWorld(database, { clients: [off] })
    assert.equal(await status(world, { client_id: 'off', client_secret: 's' }), 401)
    assert.match(world.explanation(), /off is disabled/)
  })

  test('a client without a secret is not authenticated by an empty one', async () => {
    const bare = someClient({ clientId: 'bare', secret: '' })
    await using world = await openProtocolWorld(database, { clients: [bare] })
    assert.equal(await status(world, {}, basic('bare', '')), 401)
  })
})

forEachDatabase('RFC 7523 §3 private_key_jwt', (database) => {
  test('an assertion signed with a registered key, for this issuer, is accepted once (CVE-2020-5300)', async () => {
    const { world, sign } = await worldWithKey()
    await using _ = world
    const assertion = await sign({})
    assert.equal(await send(world, assertion), 200)
    assert.equal(await send(world, assertion), 401, '§3 (7): the jti is used up')
    assert.ok(world.lines.some(({ fields }) => /used before/.test(String(fields['explanation']))))
    assert.equal(await send(world, await sign({ jti: 'other' })), 200)
  })

  test('of two requests with one assertion at the same moment one is accepted', async () => {
    const { world, sign } = await worldWithKey()
    await using _ = world
    const assertion = await sign({})
    const answers = await Promise.all([send(world, assertion), send(world, assertion)])
    assert.deepEqual(answers.sort(), [200, 401])
  })

  const now = 1_800_000_000
  for (const [name, claims] of [
    ['another subject', { sub: 'wiki' }],
    ['another issuer', { iss: 'wiki' }],
    ['another audience', { aud: 'https://other.example' }],
    ['no exp', { exp: undefined }],
    ['no jti', { jti: undefined }],
    ['an exp that is over', { exp: now - 60 }],
    ['an exp that is hours ahead', { exp: now + 7200 }],
    ['an iat in the future', { iat: now + 60 }],
  ] as const) {
    test(`an assertion with ${name} is refused`, async () => {
      const { world, sign } = await worldWithKey()
      await using _ = world
      assert.equal(await send(world, await sign(claims)), 401)
    })
  }

  test('an assertion of another key is refused, and a secret does not stand in for the key', async () => {
    const { world } = await worldWithKey()
    await using _ = world
    const stranger = await generateKeyPair('ES256')
    const assertion = await new SignJWT(claimsOf({}))
      .setProtectedHeader({ alg: 'ES256', kid: 'k1' })
      .sign(stranger.privateKey)
    assert.equal(await send(world, assertion), 401)
    const withSecret = await world.post('/token/introspect', {
      client_id: 'robot',
      client_secret: 'left-over',
      token: 'x',
    })
    assert.equal(withSecret.statusCode, 401)
  })

  test('an assertion with alg HS256 over the public key is refused (ASVS 9.1)', async () => {
    const { world, jwk } = await worldWithKey()
    await using _ = world
    const assertion = await new SignJWT(claimsOf({}))
      .setProtectedHeader({ alg: 'HS256', kid: 'k1' })
      .sign(Buffer.from(JSON.stringify(jwk)))
    assert.equal(await send(world, assertion), 401)
  })

  test('client_secret_jwt: the secret is the key, for clients registered so and for no others', async () => {
    const secret = 'x'.repeat(32)
    const clients = [
      someClient({ clientId: 'robot', secret, clientAuthenticatorType: 'client-secret-jwt' }),
      someClient({ clientId: 'plain', secret }),
      someClient({ clientId: 'short', secret: 'short', clientAuthenticatorType: 'client-secret-jwt' }),
    ]
    await using world = await openProtocolWorld(database, { clients })
    const signed = (clientId: string, key: string): Promise<string> =>
      new SignJWT(claimsOf({ iss: clientId, sub: clientId }))
        .setProtectedHeader({ alg: 'HS256' })
        .sign(Buffer.from(key))
    assert.equal(await send(world, await signed('robot', secret)), 200)
    assert.equal(await send(world, await signed('robot', 'y'.repeat(32))), 401)
    assert.equal(await send(world, await signed('plain', secret)), 401)
    assert.equal(await send(world, await signed('short', 'short')), 401)
  })

  test("keys at the client's address are fetched once, and again when a new key signs", async () => {
    const url = 'https://robot.example/jwks'
    const attributes = { 'use.jwks.url': 'true', 'jwks.url': url }
    const { world, sign, jwk } = await worldWithKey(attributes)
    await using _ = world
    assert.equal(await send(world, await sign({ jti: '1' })), 401, 'the address does not answer')
    world.remote.set(url, { keys: [] })
    world.at += 11_000
    assert.equal(await send(world, await sign({ jti: '2' })), 401, 'the key is not there yet')
    world.remote.set(url, { keys: [jwk] })
    assert.equal(await send(world, await sign({ jti: '3' })), 401, 'no second look within 10 s')
    world.at += 11_000
    assert.equal(await send(world, await sign({ jti: '4' })), 200)
    world.remote.delete(url)
    world.at += 11 * 60_000
    assert.equal(
      await send(world, await sign({ jti: '5', iat: undefined, exp: world.at / 1000 + 60 })),
      200,
      'known keys survive an outage',
    )
  })

  async function worldWithKey(attributes?: Record<string, string>) {
    const { privateKey, publicKey } = await generateKeyPair('ES256')
    const jwk = { ...(await exportJWK(publicKey)), kid: 'k1', alg: 'ES256' }
    const robot = someClient({
      clientId: 'robot',
      secret: 'left-over',
      clientAuthenticatorType: 'client-jwt',
      attributes: attributes ?? { 'use.jwks.string': 'true', 'jwks.string': JSON.stringify({ keys: [jwk] }) },
    })
    const world = await openProtocolWorld(database, { clients: [robot] })
    const sign = (claims: Record<string, unknown>): Promise<string> =>
      new SignJWT(claimsOf(claims)).setProtectedHeader({ alg: 'ES256', kid: 'k1' }).sign(privateKey)
    return { world, sign, jwk }
  }

  function claimsOf(claims: Record<string, unknown>): Record<string, unknown> {
    const aud = 'https://id.example/realms/demo/protocol/openid-connect/token'
    return { iss: 'robot', sub: 'robot', aud, jti: 'j1', iat: now, exp: now + 60, ...claims }
  }

  function send(world: ProtocolWorld, assertion: string): Promise<number> {
    return status(world, { client_assertion_type: assertionType, client_assertion: assertion })
  }
})
