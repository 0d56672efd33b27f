/**
 * Signing keys and signatures for simulations. The keys are real, made once; the signature is a hash, because a
 * real one is made in threads that no seed controls. Everything else of the sender is the product's own.
 */
import crypto, { generateKeyPairSync, hash, type KeyObject, type webcrypto } from 'node:crypto'
import { syncBuiltinESMExports } from 'node:module'
import type { Instant } from '../../src/ambient/clock.ts'
import type { RealmKey, SigningAlgorithm } from '../../src/key/key.ts'

interface KeyMaterial {
  readonly privateKey: webcrypto.CryptoKey
  readonly publicKey: webcrypto.CryptoKey
  readonly privateJwk: RealmKey['privateJwk']
}

const material: Readonly<Record<'RS256' | 'ES256' | 'EdDSA', () => KeyMaterial>> = {
  RS256: once(() => {
    const pair = generateKeyPairSync('rsa', { modulusLength: 2048 })
    return cryptoKeys(pair, { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' })
  }),
  ES256: once(() =>
    cryptoKeys(generateKeyPairSync('ec', { namedCurve: 'P-256' }), { name: 'ECDSA', namedCurve: 'P-256' }),
  ),
  EdDSA: once(() => cryptoKeys(generateKeyPairSync('ed25519'), { name: 'Ed25519' })),
}

type ImportParams = Parameters<KeyObject['toCryptoKey']>[0]

function cryptoKeys(
  pair: { privateKey: KeyObject; publicKey: KeyObject },
  algorithm: ImportParams,
): KeyMaterial {
  return {
    privateKey: pair.privateKey.toCryptoKey(algorithm, true, ['sign']),
    publicKey: pair.publicKey.toCryptoKey(algorithm, true, ['verify']),
    privateJwk: pair.privateKey.export({ format: 'jwk' }) as RealmKey['privateJwk'],
  }
}

function once<T>(make: () => T): () => T {
  let made: T | undefined
  return () => {
    made ??= make()
    return made
  }
}

export function simulatedKey(
  kid: string,
  algorithm: SigningAlgorithm,
  priority: number,
  usableAt: Instant,
): RealmKey {
  const pair = material[algorithm === 'PS256' ? 'RS256' : algorithm]()
  return {
    kid,
    algorithm,
    status: 'active',
    priority,
    usableAt,
    publicJwk: { kid, alg: algorithm, use: 'sig' },
    ...(pair as Pick<RealmKey, 'privateKey' | 'publicKey' | 'privateJwk'>),
    certificate: undefined,
  }
}

export function simulatedSignature(signed: string): string {
  return hash('sha256', signed, 'base64url')
}

/** Replaces the asynchronous `crypto.sign` of this process; returns what puts the real one back. */
export function replaceSigning(): () => void {
  const real = crypto.sign
  const simulated = (
    _algorithm: unknown,
    data: Buffer,
    _key: unknown,
    done: (error: null, signature: Buffer) => void,
  ): void => {
    // a place to wait, like the thread that it stands for
    setImmediate(() => done(null, Buffer.from(simulatedSignature(data.toString()), 'base64url')))
  }
  Object.assign(crypto, { sign: simulated })
  syncBuiltinESMExports()
  return () => {
    Object.assign(crypto, { sign: real })
    syncBuiltinESMExports()
  }
}
