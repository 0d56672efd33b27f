import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createLocalJWKSet, exportJWK, generateKeyPair, type JWTPayload, SignJWT } from 'jose'
import { createSeenTokens, type LogoutTokenDependencies, verifyLogoutToken } from '../logout-token.ts'

const issuer = 'https://id.example.com/realms/demo'
const event = 'http://schemas.openid.net/event/backchannel-logout'
const { privateKey, publicKey } = await generateKeyPair('RS256')
const keys = createLocalJWKSet({ keys: [{ ...(await exportJWK(publicKey)), kid: 'k', alg: 'RS256' }] })

const deps = (): LogoutTokenDependencies => ({
  issuer,
  clientId: 'wiki',
  keys,
  seenTokens: createSeenTokens(),
})

const nowSeconds = (): number => Math.floor(Date.now() / 1000)

const good = (): JWTPayload => ({
  iss: issuer,
  aud: 'wiki',
  iat: nowSeconds(),
  exp: nowSeconds() + 120,
  jti: 'j1',
  sub: 'alice',
  sid: 's1',
  events: { [event]: {} },
})

const sign = (claims: JWTPayload, header = {}): Promise<string> =>
  new SignJWT(claims)
    .setProtectedHeader({ alg: 'RS256', kid: 'k', typ: 'logout+jwt', ...header })
    .sign(privateKey)

test('a good logout token names the session and the person (BCL-42–47)', async () => {
  assert.deepEqual(await verifyLogoutToken(deps(), await sign(good())), { ok: true, sid: 's1', sub: 'alice' })
})

test('typ may be absent, JWT or logout+jwt, and nothing else (BCL-21)', async () => {
  for (const typ of [undefined, 'JWT', 'logout+jwt']) {
    assert.equal((await verifyLogoutToken(deps(), await sign(good(), { typ }))).ok, true, String(typ))
  }
  const result = await verifyLogoutToken(deps(), await sign(good(), { typ: 'at+jwt' }))
  assert.deepEqual(result, { ok: false, reason: 'wrong_type', detail: 'typ is at+jwt' })
})

const wrong: readonly (readonly [string, (claims: JWTPayload) => JWTPayload, string])[] = [
  ['of another issuer', (claims) => ({ ...claims, iss: 'https://other.example' }), 'not_trusted'],
  ['for another application', (claims) => ({ ...claims, aud: 'chat' }), 'not_trusted'],
  ['that has expired', (claims) => ({ ...claims, exp: nowSeconds() - 61 }), 'not_trusted'],
  ['without exp', ({ exp, ...claims }) => claims, 'not_trusted'],
  ['older than ten minutes', (claims) => ({ ...claims, iat: nowSeconds() - 700 }), 'not_trusted'],
  ['without jti', ({ jti, ...claims }) => claims, 'not_trusted'],
  ['without events', ({ events, ...claims }) => claims, 'not_trusted'],
  ['whose event is true', (claims) => ({ ...claims, events: { [event]: true } }), 'no_event'],
  ['with another event', (claims) => ({ ...claims, events: { 'http://x.example': {} } }), 'no_event'],
  ['with a nonce', (claims) => ({ ...claims, nonce: 'n' }), 'has_nonce'],
  ['without sid and sub', ({ sid, sub, ...claims }) => claims, 'no_subject'],
]

for (const [title, change, reason] of wrong) {
  test(`a logout token ${title} is refused (BCL-44–48)`, async () => {
    const result = await verifyLogoutToken(deps(), await sign(change(good())))
    assert.equal(result.ok ? 'accepted' : result.reason, reason)
  })
}

test('a token without signature, with a shared secret or with a foreign key is refused (BCL-42, BCL-43)', async () => {
  const stranger = await generateKeyPair('RS256')
  const forged = await new SignJWT(good())
    .setProtectedHeader({ alg: 'RS256', kid: 'k' })
    .sign(stranger.privateKey)
  const shared = await new SignJWT(good()).setProtectedHeader({ alg: 'HS256' }).sign(new Uint8Array(32))
  const [, payload] = forged.split('.')
  const unsigned = `${Buffer.from('{"alg":"none"}').toString('base64url')}.${payload}.`
  for (const token of [forged, shared, unsigned, 'text', '', undefined, ['a']]) {
    assert.equal((await verifyLogoutToken(deps(), token)).ok, false)
  }
})

test('a token is good once, and its jti is forgotten when the token could no longer be accepted (BCL-48)', async () => {
  let now = 0
  const seenTokens = createSeenTokens(() => now)
  const token = await sign(good())
  assert.equal((await verifyLogoutToken({ ...deps(), seenTokens }, token)).ok, true)
  const again = await verifyLogoutToken({ ...deps(), seenTokens }, token)
  assert.equal(again.ok ? '' : again.reason, 'repeated')
  now = 721_000
  assert.equal(seenTokens.claim('other'), true)
  assert.equal(seenTokens.claim(`${issuer} j1`), true)
})
