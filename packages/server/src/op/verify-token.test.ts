import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import { someRealm } from '../../test/support/realm-in-memory.ts'
import type { RealmKey, SigningAlgorithm } from '../key/key.ts'
import { serverSecret } from '../key/seal.ts'
import { formatRefreshToken, readRefreshToken } from './refresh-token-format.ts'
import type { TokenFault } from './token-fault.ts'
import {
  claimedKind,
  judgeNotBefore,
  type Verified,
  verifyAccessToken,
  verifyRefreshToken,
} from './verify-token.ts'

const claims = {
  typ: 'Bearer',
  iss: 'https://id.example/realms/demo',
  azp: 'wiki',
  jti: 'j',
  iat: 1,
  exp: 2,
  sid: 's',
}
const keys = new Map<SigningAlgorithm, RealmKey>()

async function makeKey(algorithm: SigningAlgorithm): Promise<RealmKey> {
  const { publicKey, privateKey } = await generateKeyPair(algorithm, { extractable: true })
  const kid = `kid-${algorithm}`
  return {
    kid,
    algorithm,
    status: 'active',
    priority: 1,
    usableAt: 0,
    publicJwk: { ...(await exportJWK(publicKey)), kid, alg: algorithm },
    privateJwk: {},
    privateKey,
    publicKey,
    certificate: undefined,
  }
}

function sign(algorithm: SigningAlgorithm, payload: object = claims, header: object = {}): Promise<string> {
  const key = keys.get(algorithm) as RealmKey
  return new SignJWT({ ...payload })
    .setProtectedHeader({ alg: algorithm, kid: key.kid, ...header })
    .sign(key.privateKey)
}

function reasonOf(verified: Verified<unknown>): TokenFault['reason'] | 'ok' {
  return verified.ok ? 'ok' : verified.fault.reason
}

before(async () => {
  for (const algorithm of ['RS256', 'PS256', 'ES256', 'EdDSA'] as const)
    keys.set(algorithm, await makeKey(algorithm))
})

describe('verifying an access token', () => {
  const realm = () => someRealm({ keys: [...keys.values()] })

  for (const algorithm of ['RS256', 'PS256', 'ES256', 'EdDSA'] as const) {
    test(`${algorithm}: good as signed, refused with one byte changed, also when the good one was seen before`, async () => {
      const token = await sign(algorithm)
      const on = realm()
      assert.equal(reasonOf(verifyAccessToken(on, token)), 'ok')
      const [header, payload, signature] = token.split('.') as [string, string, string]
      const other = Buffer.from(JSON.stringify({ ...claims, sid: 'other' })).toString('base64url')
      assert.equal(reasonOf(verifyAccessToken(on, `${header}.${other}.${signature}`)), 'signature_invalid')
      assert.equal(
        reasonOf(verifyAccessToken(on, `${header}.${payload}.${signature.slice(4)}`)),
        'signature_invalid',
      )
      assert.equal(reasonOf(verifyAccessToken(on, token)), 'ok')
    })
  }

  test('RFC 9864 spells EdDSA as Ed25519', async () => {
    const token = await new SignJWT({ ...claims })
      .setProtectedHeader({ alg: 'Ed25519', kid: 'kid-EdDSA' })
      .sign((keys.get('EdDSA') as RealmKey).privateKey)
    assert.equal(reasonOf(verifyAccessToken(realm(), token)), 'ok')
  })

  test("ASVS 9.1: the algorithm is the key's and never the token's choice", async () => {
    const payload = Buffer.from(JSON.stringify(claims)).toString('base64url')
    const publicJwk = JSON.stringify(keys.get('RS256')?.publicJwk)
    const hmac = await new SignJWT({ ...claims })
      .setProtectedHeader({ alg: 'HS256', kid: 'kid-RS256' })
      .sign(Buffer.from(publicJwk))
    assert.equal(reasonOf(verifyAccessToken(realm(), hmac)), 'signature_invalid')
    for (const alg of ['none', 'RS256', 'PS256']) {
      const header = Buffer.from(JSON.stringify({ alg, kid: 'kid-ES256' })).toString('base64url')
      assert.equal(reasonOf(verifyAccessToken(realm(), `${header}.${payload}.`)), 'signature_invalid')
    }
    const asPs = await sign('PS256', claims, { kid: 'kid-RS256' })
    assert.equal(reasonOf(verifyAccessToken(realm(), asPs)), 'signature_invalid')
  })

  test('a key in the header is not looked at', async () => {
    const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true })
    const jwk = await exportJWK(publicKey)
    const token = await new SignJWT({ ...claims }).setProtectedHeader({ alg: 'ES256', jwk }).sign(privateKey)
    assert.equal(reasonOf(verifyAccessToken(realm(), token)), 'unknown_key')
  })

  test('KR-20: unknown and retired keys, other issuers and other kinds are told apart', async () => {
    const token = await sign('RS256')
    assert.equal(reasonOf(verifyAccessToken(someRealm({ keys: [] }), token)), 'unknown_key')
    const retired = { ...(keys.get('RS256') as RealmKey), status: 'retired' } as const
    assert.equal(reasonOf(verifyAccessToken(someRealm({ keys: [retired] }), token)), 'retired_key')
    assert.equal(
      reasonOf(verifyAccessToken(someRealm({ issuer: 'https://new.example' }), token)),
      'other_issuer',
    )
    assert.equal(
      reasonOf(verifyAccessToken(realm(), await sign('RS256', { ...claims, typ: 'ID' }))),
      'wrong_kind',
    )
    for (const text of ['', 'a.b', 'a.b.c', 'a.b.c.d', '....', `${token}.x`, 'x'.repeat(20_000)]) {
      assert.equal(reasonOf(verifyAccessToken(realm(), text)), 'not_a_jwt', text.slice(0, 20))
    }
  })

  test('a token seen before is judged anew when the realm changed', async () => {
    const token = await sign('RS256')
    const before = realm()
    assert.equal(reasonOf(verifyAccessToken(before, token)), 'ok')
    assert.equal(reasonOf(verifyAccessToken({ ...before, keys: [] }, token)), 'unknown_key')
    assert.equal(reasonOf(verifyAccessToken(before, token)), 'ok')
  })
})

describe('a refresh token', () => {
  const secret = serverSecret(Buffer.alloc(32, 1))
  const realm = someRealm()
  const refresh = {
    typ: 'Refresh',
    iss: realm.issuer,
    jti: 'j',
    azp: 'wiki',
    sid: 's',
    iat: 1,
    exp: 2,
  } as const

  test('KK-01: decodes to what keycloak-js and keycloak-connect read, and reads back', () => {
    const token = formatRefreshToken(secret, realm.id, refresh)
    const payload = JSON.parse(Buffer.from(token.split('.')[1] as string, 'base64url').toString())
    assert.deepEqual(payload, { ...refresh, aud: realm.issuer })
    assert.equal(readRefreshToken(secret, realm.id, token)?.jti, 'j')
    assert.equal(claimedKind(token), 'refresh')
  })

  test('is refused with another secret, for another realm, and changed', () => {
    const token = formatRefreshToken(secret, realm.id, refresh)
    assert.equal(readRefreshToken(serverSecret(Buffer.alloc(32, 2)), realm.id, token), undefined)
    assert.equal(readRefreshToken(secret, 'realm-2', token), undefined)
    assert.equal(reasonOf(verifyRefreshToken(secret, realm, `${token.slice(0, -4)}AAAA`)), 'unknown_key')
    assert.equal(
      reasonOf(verifyRefreshToken(secret, { ...realm, issuer: 'https://new.example' }, token)),
      'other_issuer',
    )
  })

  test('an access token is not one, and one is not an access token (SR-03)', async () => {
    const token = formatRefreshToken(secret, realm.id, refresh)
    assert.equal(reasonOf(verifyRefreshToken(secret, realm, await sign('RS256'))), 'wrong_kind')
    assert.equal(reasonOf(verifyAccessToken(realm, token)), 'unknown_key')
  })
})

describe('not-before', () => {
  test('each level refuses by itself, and the same second is not before', () => {
    const none = { realm: 0, client: 0, account: 0 }
    assert.equal(judgeNotBefore(100, none), undefined)
    assert.equal(judgeNotBefore(100, { ...none, realm: 100 }), undefined)
    for (const level of ['realm', 'client', 'account'] as const) {
      const older = { realm: 1, client: 1, account: 1, [level]: 101 }
      assert.deepEqual(judgeNotBefore(100, older), { reason: 'not_before', level, notBeforeAt: 101_000 })
    }
  })
})
