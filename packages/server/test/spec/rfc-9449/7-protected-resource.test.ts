import assert from 'node:assert/strict'
import { createHash, randomUUID } from 'node:crypto'
import { after, before, test } from 'node:test'
import { type CryptoKey, calculateJwkThumbprint, exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose'
import { request } from 'undici'
import { forEachDatabase } from '../../support/database.ts'
import { testSecret } from '../../support/realm-export.ts'
import { startWholeServer, type WholeServer } from '../../support/whole-server.ts'

interface Key {
  readonly privateKey: CryptoKey
  readonly jwk: JWK
}

async function makeKey(): Promise<Key> {
  const { privateKey, publicKey } = await generateKeyPair('ES256')
  return { privateKey, jwk: await exportJWK(publicKey) }
}

const hashOf = (token: string): string => createHash('sha256').update(token).digest('base64url')

/** A proof of `key`, good unless something is changed. */
function proofOf(
  key: Key,
  claims: Readonly<Record<string, unknown>>,
  header: Readonly<Record<string, unknown>> = {},
): Promise<string> {
  const iat = Math.floor(Date.now() / 1000)
  return new SignJWT({ jti: randomUUID(), iat, ...claims })
    .setProtectedHeader({ alg: 'ES256', typ: 'dpop+jwt', jwk: key.jwk, ...header })
    .sign(key.privateKey)
}

forEachDatabase('RFC 9449 §7 an access token that is bound to a key', (database) => {
  let world: WholeServer
  let key: Key
  let token: string
  let userinfo: string
  before(async () => {
    world = await startWholeServer(database, {
      clients: [
        {
          clientId: 'wiki',
          serviceAccount: true,
          attributes: { 'dpop.bound.access.tokens': 'true' },
        },
      ],
    })
    userinfo = `${world.issuer}/protocol/openid-connect/userinfo`
    key = await makeKey()
    token = await signInWith(key)
  })
  after(() => world?.[Symbol.asyncDispose]())

  /** Signs a person in; the token request carries a proof. */
  async function signInWith(by: Key): Promise<string> {
    const agent = world.browser()
    const rp = world.rp('wiki')
    const url = `${world.issuer}/protocol/openid-connect/token`
    const proof = await proofOf(by, { htm: 'POST', htu: url })
    const begun = await agent.follow(
      await agent.get(rp.authorizationUrl({ code_challenge: hashOf('v'.repeat(43)) })),
      world.issuer,
    )
    const back = await agent.follow(
      await agent.submit(begun, { username: 'alice', password: 'correct horse battery staple' }),
      world.issuer,
    )
    const answer = await request(url, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded', dpop: proof },
      body: new URLSearchParams({
        grant_type: 'authorization_code',
        code: new URL(back.location ?? '').searchParams.get('code') ?? '',
        redirect_uri: rp.redirectUri,
        code_verifier: 'v'.repeat(43),
        client_id: 'wiki',
        client_secret: testSecret,
      }).toString(),
    })
    const body = (await answer.body.json()) as { access_token: string; token_type: string }
    assert.deepEqual([answer.statusCode, body.token_type], [200, 'DPoP'])
    return body.access_token
  }

  async function ask(
    headers: Record<string, string>,
    url = userinfo,
  ): Promise<{ status: number; challenge: string }> {
    const answer = await request(url, { headers })
    await answer.body.dump()
    return { status: answer.statusCode, challenge: String(answer.headers['www-authenticate'] ?? '') }
  }
  const good = (changed: Readonly<Record<string, unknown>> = {}): Record<string, unknown> => ({
    htm: 'GET',
    htu: userinfo,
    ath: hashOf(token),
    ...changed,
  })
  const asDpop = async (proof: Promise<string>): Promise<number> =>
    (await ask({ authorization: `DPoP ${token}`, dpop: await proof })).status

  test('opens userinfo with a proof of that key, and the query does not count', async () => {
    assert.equal(await asDpop(proofOf(key, good())), 200)
    assert.equal(await asDpop(proofOf(key, good({ htu: `${userinfo}?a=b#c` }))), 200)
  })

  test('is not a bearer token: stolen, it opens neither userinfo nor the admin API (§7.1)', async () => {
    const stolen = await ask({ authorization: `Bearer ${token}` })
    assert.equal(stolen.status, 401)
    assert.match(stolen.challenge, /^DPoP realm="test", error="invalid_token".*algs="ES256/)
    assert.match(world.errors().at(-1)?.explanation ?? '', /no proof of the key that it is bound to/)
    const inBody = await request(userinfo, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: `access_token=${token}`,
    })
    await inBody.body.dump()
    assert.equal(inBody.statusCode, 401)
    const admin = await ask({ authorization: `Bearer ${token}` }, `${world.url}/admin/realms/test/users`)
    assert.equal(admin.status, 401)
  })

  test('is refused with a proof that is not this key’s, this request’s, this moment’s or this token’s (§4.3)', async () => {
    const other = await makeKey()
    const now = Math.floor(Date.now() / 1000)
    const { d } = await exportJWK((await generateKeyPair('ES256', { extractable: true })).privateKey)
    const proofs: Record<string, Promise<string>> = {
      'another key': proofOf(other, good()),
      'the token’s key named, another one signing': proofOf({ ...other, jwk: key.jwk }, good()),
      'another method': proofOf(key, good({ htm: 'POST' })),
      'another address': proofOf(key, good({ htu: 'https://evil.example/' })),
      'no address': proofOf(key, good({ htu: 'x' })),
      'another token': proofOf(key, good({ ath: hashOf('other') })),
      'no token': proofOf(key, good({ ath: undefined })),
      'too old': proofOf(key, good({ iat: now - 400 })),
      'ahead of time': proofOf(key, good({ iat: now + 400 })),
      'no jti': proofOf(key, good({ jti: undefined })),
      'another kind': proofOf(key, good(), { typ: 'JWT' }),
      'a private key in the header': proofOf(key, good(), { jwk: { ...key.jwk, d } }),
      'no JWT': Promise.resolve('none'),
    }
    for (const [what, proof] of Object.entries(proofs)) assert.equal(await asDpop(proof), 401, what)
  })

  test('a proof counts once, also when two requests carry it at the same moment (§11.1)', async () => {
    const proof = await proofOf(key, good())
    const headers = { authorization: `DPoP ${token}`, dpop: proof }
    const statuses = (await Promise.all([ask(headers), ask(headers), ask(headers)])).map((one) => one.status)
    assert.deepEqual(statuses.sort(), [200, 401, 401])
  })

  test('introspection calls it what it is, with the thumbprint of the key (§6.2)', async () => {
    const answer = await world.rp('wiki').post('token/introspect', { token })
    const body = answer.body as { active?: boolean; token_type?: string; cnf?: { jkt?: string } }
    assert.deepEqual(
      [body.active, body.token_type, body.cnf?.jkt],
      [true, 'DPoP', await calculateJwkThumbprint(key.jwk)],
    )
  })
})
