/**
 * Signs the tokens of this server (RFC 7515 §7.1). The elliptic algorithms are signed at once: handing so little
 * work to another thread costs as much as the work. RSA takes a millisecond and goes to another thread.
 */
import { constants, createPrivateKey, type KeyObject, sign } from 'node:crypto'
import { promisify } from 'node:util'
import type { Instant } from '../ambient/clock.ts'
import { type RealmKey, signingAlgorithms, signingKeyFor } from '../key/key.ts'
import type { Realm } from '../realm/realm.ts'
import type { Client } from '../rp/client.ts'

/** The key for a client's tokens: the algorithm that it asks for, else the realm's, else any that there is. */
export function signingKeyOf(realm: Realm, client: Client, token: 'id' | 'access', at: Instant): RealmKey {
  const wanted = [
    client.attributes[`${token}.token.signed.response.alg`],
    realm.settings.defaultSignatureAlgorithm,
    ...signingAlgorithms,
  ]
  for (const name of wanted) {
    const algorithm = signingAlgorithms.find((one) => one === name)
    const key = algorithm && signingKeyFor(realm.keys, algorithm, at)
    if (key) return key
  }
  throw new TypeError(`the realm ${realm.name} has no key to sign with`)
}

/** `payload` is written as it stands; the header has `alg`, `typ` and `kid`. */
export async function signJwt(key: RealmKey, payload: object): Promise<string> {
  const { header, privateKey } = partsOf(key)
  const signed = `${header}.${Buffer.from(JSON.stringify(payload)).toString('base64url')}`
  const signature = await signatureOf(key, privateKey, Buffer.from(signed))
  return `${signed}.${signature.toString('base64url')}`
}

const signInThread = promisify(sign)

/** RFC 7518 §3.3–3.5, RFC 8037 §3.1. */
function signatureOf(key: RealmKey, privateKey: KeyObject, data: Buffer): Buffer | Promise<Buffer> {
  switch (key.algorithm) {
    case 'RS256':
      return signInThread('sha256', data, privateKey)
    case 'PS256': {
      const padding = constants.RSA_PKCS1_PSS_PADDING
      return signInThread('sha256', data, { key: privateKey, padding, saltLength: 32 })
    }
    case 'ES256':
      // asking Node for this form costs as much again as the signature
      return concatenated(sign('sha256', data, privateKey), 32)
    case 'EdDSA':
      return sign(null, data, privateKey)
  }
}

/** ECDSA-Sig-Value in DER (RFC 3279 §2.2.3) to the form of RFC 7518 §3.4: both numbers at their full width. */
function concatenated(der: Buffer, width: number): Buffer {
  const joined = Buffer.alloc(2 * width)
  // two numbers of at most 33 bytes: every length is one byte
  let at = 2
  for (const end of [width, 2 * width]) {
    const length = der[at + 1] as number
    const number = der.subarray(at + 2, at + 2 + length)
    // a leading zero only says that the number is positive
    const digits = number.length > width ? number.subarray(number.length - width) : number
    joined.set(digits, end - digits.length)
    at += 2 + length
  }
  return joined
}

interface KeyParts {
  readonly header: string
  readonly privateKey: KeyObject
}

/** Made once per key in memory. */
const parts = new WeakMap<RealmKey, KeyParts>()

function partsOf(key: RealmKey): KeyParts {
  const kept = parts.get(key)
  if (kept) return kept
  const header = Buffer.from(JSON.stringify({ alg: key.algorithm, typ: 'JWT', kid: key.kid })).toString(
    'base64url',
  )
  const made = { header, privateKey: createPrivateKey({ key: key.privateJwk, format: 'jwk' }) }
  parts.set(key, made)
  return made
}
