import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { exportJWK, generateKeyPair, importJWK, jwtVerify } from 'jose'
import { type RealmKey, type SigningAlgorithm, signingAlgorithms } from '../key/key.ts'
import { signJwt } from './sign-jwt.ts'

async function makeKey(algorithm: SigningAlgorithm): Promise<RealmKey> {
  const options = {
    extractable: true,
    ...(algorithm === 'EdDSA' ? { crv: 'Ed25519' } : { modulusLength: 2048 }),
  }
  const { privateKey, publicKey } = await generateKeyPair(algorithm, options)
  return {
    kid: `kid-${algorithm}`,
    algorithm,
    status: 'active',
    priority: 0,
    usableAt: 0,
    publicJwk: await exportJWK(publicKey),
    privateJwk: await exportJWK(privateKey),
    privateKey,
    publicKey,
    certificate: undefined,
  } as RealmKey
}

describe('a signed token', () => {
  for (const algorithm of signingAlgorithms) {
    test(`with ${algorithm} is verified by another implementation`, async () => {
      const key = await makeKey(algorithm)
      const token = await signJwt(key, { sub: 'älice', n: 1 })
      const { payload, protectedHeader } = await jwtVerify(token, await importJWK(key.publicJwk, algorithm))
      assert.deepEqual(payload, { sub: 'älice', n: 1 })
      assert.deepEqual(protectedHeader, { alg: algorithm, typ: 'JWT', kid: `kid-${algorithm}` })
    })
  }

  test('with ES256 is right for numbers of every length', async () => {
    const key = await makeKey('ES256')
    const verifier = await importJWK(key.publicJwk, 'ES256')
    // about one in 128 has a number that is shorter than 32 bytes
    for (let n = 0; n < 600; n++) await jwtVerify(await signJwt(key, { n }), verifier)
  })
})
