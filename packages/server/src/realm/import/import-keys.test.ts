import assert from 'node:assert/strict'
import { createHash, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { describe, test } from 'node:test'
import { systemRandom } from '../../ambient/random.ts'
import { algorithmsOf, importKeys, keyProviderType, missingKeys } from './import-keys.ts'
import { draftFromExport, type RealmDraft } from './realm-draft.ts'

const der = (key: KeyObject, type: 'pkcs8' | 'pkcs1' = 'pkcs8'): string =>
  key.export({ format: 'der', type } as never).toString('base64')
const realm = (...providers: object[]): RealmDraft =>
  draftFromExport({ realm: 'r', components: { [keyProviderType]: providers } })
const provider = (providerId: string, config: Record<string, string[]>) => ({
  name: providerId,
  providerId,
  config,
})

const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const ed = generateKeyPairSync('ed25519')

describe('keys of a realm file (KZ-93)', () => {
  test('an RSA key keeps the id that Keycloak derives from it, so hints signed there are verified here', () => {
    const { keys } = importKeys(
      realm(provider('rsa-generated', { privateKey: [der(rsa.privateKey)], priority: ['100'] })),
    )
    const spki = rsa.publicKey.export({ format: 'der', type: 'spki' })
    assert.equal(keys[0]?.jwk.kid, createHash('sha256').update(spki).digest('base64url'))
    assert.equal(keys[0]?.jwk.alg, 'RS256')
    assert.equal(keys[0]?.status, 'active')
    assert.equal(keys[0]?.priority, 100)
  })

  test('EC, Ed25519, PS256 and PKCS#1 keys are read, with their state', () => {
    const { keys, notes, importedIndexes } = importKeys(
      realm(
        provider('hmac-generated', { secret: ['eA'] }),
        provider('ecdsa-generated', { ecdsaPrivateKey: [der(ec.privateKey)], active: ['false'] }),
        provider('eddsa-generated', { eddsaPrivateKey: [der(ed.privateKey)], enabled: ['false'] }),
        provider('rsa', {
          privateKey: [
            `-----BEGIN RSA PRIVATE KEY-----\n${der(rsa.privateKey, 'pkcs1')}\n-----END RSA PRIVATE KEY-----`,
          ],
          algorithm: ['PS256'],
          kid: ['own'],
        }),
      ),
    )
    assert.deepEqual(
      keys.map((key) => [key.jwk.alg, key.status]),
      [
        ['ES256', 'passive'],
        ['EdDSA', 'retired'],
        ['PS256', 'active'],
      ],
    )
    assert.equal(keys[2]?.jwk.kid, 'own')
    assert.deepEqual(importedIndexes, [1, 2, 3])
    assert.equal(notes.length, 1)
  })

  test('what cannot sign here is named with the reason, and nothing is made of it', () => {
    const small = generateKeyPairSync('rsa', { modulusLength: 1024 })
    const p384 = generateKeyPairSync('ec', { namedCurve: 'P-384' })
    const { keys, notes } = importKeys(
      realm(
        provider('rsa-generated', { privateKey: ['**********'] }),
        provider('rsa-generated', {}),
        provider('rsa-generated', { privateKey: ['AAAA'] }),
        provider('rsa-generated', { privateKey: [der(small.privateKey)] }),
        provider('rsa-generated', { privateKey: [der(ec.privateKey)] }),
        provider('rsa-generated', { privateKey: [der(rsa.privateKey)], algorithm: ['RS512'] }),
        provider('ecdsa-generated', { ecdsaPrivateKey: [der(p384.privateKey)] }),
        provider('java-keystore', { keystore: ['/x'] }),
      ),
    )
    assert.deepEqual(keys, [])
    assert.equal(notes.length, 8)
    for (const [index, reason] of [
      /masked/,
      /no private key/,
      /cannot be read/,
      /does not sign with such a key/,
      /does not sign with such a key/,
      /RS512/,
      /does not sign with such a key/,
      /java-keystore/,
    ].entries()) {
      assert.match(notes[index] ?? '', reason)
    }
  })

  test('RS256 is always there (KK-08), and every algorithm that a client asks for', async () => {
    const draft = draftFromExport({
      realm: 'r',
      defaultSignatureAlgorithm: 'EdDSA',
      clients: [
        {
          clientId: 'a',
          attributes: {
            'id.token.signed.response.alg': 'ES256',
            'access.token.signed.response.alg': 'HS256',
          },
        },
      ],
    })
    assert.deepEqual([...algorithmsOf(draft)].sort(), ['ES256', 'EdDSA', 'RS256'])
    const made = await missingKeys(systemRandom, new Set(['ES256', 'EdDSA']), [])
    assert.deepEqual(made.map((key) => key.jwk.alg).sort(), ['ES256', 'EdDSA'])
    assert.deepEqual(await missingKeys(systemRandom, new Set(['ES256', 'EdDSA']), made), [])
  })
})
