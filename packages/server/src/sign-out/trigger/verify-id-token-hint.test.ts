import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'
import { CompactEncrypt, type CryptoKey, exportJWK, generateKeyPair, SignJWT } from 'jose'
import type { RealmKey } from '../../key/key.ts'
import { explainHint, verifyIdTokenHint } from './verify-id-token-hint.ts'

const issuer = 'https://id.example/realms/demo'
const at = Date.UTC(2026, 10, 22, 10)
const claims = { typ: 'ID', azp: 'wiki', aud: 'wiki', sub: 'alice', sid: 'sid-1' }
const keys: RealmKey[] = []

describe('an id_token_hint', () => {
  before(async () => {
    for (const [kid, algorithm, status] of [
      ['active', 'ES256', 'active'],
      ['passive', 'EdDSA', 'passive'],
      ['retired', 'ES256', 'retired'],
    ] as const) {
      const { privateKey, publicKey } = await generateKeyPair(algorithm, { extractable: true })
      const jwk = await exportJWK(publicKey)
      keys.push({
        kid,
        algorithm,
        status,
        priority: 100,
        usableAt: 0,
        publicJwk: jwk,
        privateJwk: jwk,
        privateKey,
        publicKey,
        certificate: undefined,
      })
    }
  })

  const realm = { name: 'demo', issuer, keys }
  const keyOf = (kid: string): RealmKey => keys.find((key) => key.kid === kid) as RealmKey
  const sign = (
    payload: object = claims,
    of: { kid?: string; iss?: string; exp?: number; key?: CryptoKey } = {},
  ): Promise<string> => {
    const key = keyOf(of.kid ?? 'active')
    return new SignJWT({ ...payload, iss: of.iss ?? issuer, exp: of.exp ?? at / 1000 + 60 })
      .setProtectedHeader({ alg: key.algorithm, kid: key.kid })
      .sign(of.key ?? key.privateKey)
  }
  const faultOf = async (token: string) => {
    const verified = await verifyIdTokenHint(realm, token, at)
    return verified.ok ? undefined : verified.fault
  }

  test('of this realm names its client, its session and its person (RIL-04)', async () => {
    assert.deepEqual(await verifyIdTokenHint(realm, await sign(), at), {
      ok: true,
      hint: { clientId: 'wiki', sub: 'alice', sid: 'sid-1', isExpired: false },
    })
  })

  test('is good when it has expired, and says so (RIL-05, KL-01)', async () => {
    for (const [exp, isExpired] of [
      [at / 1000 - 86_400, true],
      [at / 1000, true],
      [at / 1000 + 1, false],
    ] as const) {
      const verified = await verifyIdTokenHint(realm, await sign(claims, { exp }), at)
      assert.equal(verified.ok && verified.hint.isExpired, isExpired)
    }
  })

  test('signed by a passive key verifies; by a retired key it does not, and the key is named', async () => {
    assert.equal(await faultOf(await sign(claims, { kid: 'passive' })), undefined)
    assert.deepEqual(await faultOf(await sign(claims, { kid: 'retired' })), {
      reason: 'retired_key',
      kid: 'retired',
    })
  })

  test('of another realm, or signed by a stranger’s key under our key’s name, is refused (RIL-04)', async () => {
    const other = 'https://id.example/realms/other'
    assert.deepEqual(await faultOf(await sign(claims, { iss: other })), {
      reason: 'other_issuer',
      issuer: other,
    })
    const stranger = await generateKeyPair('ES256')
    assert.deepEqual(await faultOf(await sign(claims, { key: stranger.privateKey })), {
      reason: 'signature_invalid',
    })
  })

  test('must be an ID Token: an access, refresh or logout token of ours is refused (KL-01)', async () => {
    for (const typ of ['Bearer', 'Refresh', 'Logout', undefined]) {
      assert.equal((await faultOf(await sign({ ...claims, typ })))?.reason, 'wrong_kind', typ)
    }
  })

  test('without a signature, with another algorithm, cut, encrypted or nonsense is refused (RIL-08)', async () => {
    const [header = '', payload = '', signature = ''] = (await sign()).split('.')
    const none = Buffer.from(JSON.stringify({ alg: 'none', kid: 'active' })).toString('base64url')
    assert.equal((await faultOf(`${none}.${payload}.`))?.reason, 'signature_invalid')
    const hmac = await new SignJWT({ ...claims, iss: issuer })
      .setProtectedHeader({ alg: 'HS256', kid: 'active' })
      .sign(Buffer.alloc(32, 1))
    assert.equal((await faultOf(hmac))?.reason, 'signature_invalid')
    assert.equal((await faultOf(`${header}.${payload}.${signature.slice(2)}`))?.reason, 'signature_invalid')
    assert.equal((await faultOf(`${header}.${payload}`))?.reason, 'not_a_jwt')
    const list = Buffer.from('[]').toString('base64url')
    for (const token of ['', 'a', '..', 'a.b.c', `${header}.${list}.${signature}`, 'x'.repeat(20_000)]) {
      assert.equal((await faultOf(token))?.reason, 'not_a_jwt', token.slice(0, 20))
    }
    const encrypted = await new CompactEncrypt(Buffer.from(await sign()))
      .setProtectedHeader({ alg: 'dir', enc: 'A256GCM' })
      .encrypt(Buffer.alloc(32, 1))
    assert.equal((await faultOf(encrypted))?.reason, 'encrypted')
  })

  test('names its client in azp, else in a single aud', async () => {
    const { azp, ...withoutAzp } = claims
    const verified = await verifyIdTokenHint(realm, await sign({ ...withoutAzp, aud: ['chat'] }), at)
    assert.equal(verified.ok && verified.hint.clientId, 'chat')
    assert.equal(
      (await faultOf(await sign({ ...withoutAzp, aud: ['chat', 'wiki'] })))?.reason,
      'names_no_client',
    )
  })

  test('that is refused is explained in a sentence, which never holds the token', async () => {
    const token = await sign(claims, { iss: `https://old.example/${'x'.repeat(300)}` })
    const fault = await faultOf(token)
    const sentence = fault ? explainHint(fault, realm) : ''
    assert.match(sentence, /issued by https:\/\/old\.example.*this realm's issuer is https:\/\/id\.example/)
    assert.ok(sentence.length < 600 && !sentence.includes(token.slice(0, 20)))
  })
})
