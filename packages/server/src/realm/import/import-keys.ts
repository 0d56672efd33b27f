/**
 * Signing keys of a realm file: those of its key providers, so that hints and tokens made earlier stay verifiable
 * (KZ-93), and new ones where the file has none that sign.
 */
import { createHash, createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto'
import type { JWK } from 'jose'
import type { Random } from '../../ambient/random.ts'
import { generateKey, type SigningAlgorithm } from '../../key/key.ts'
import { objectOf, objectsOf, type Representation, textOf, textsOf } from '../../rp/representation.ts'
import { isSigningAlgorithm } from '../realm-settings.ts'
import { type RealmDraft, secretMask } from './realm-draft.ts'

export interface PreparedKey {
  readonly jwk: JWK
  readonly status: 'active' | 'passive' | 'retired'
  readonly priority: number
  readonly certificate: string | undefined
  readonly isImported: boolean
}

export interface PreparedKeys {
  readonly keys: readonly PreparedKey[]
  /** One sentence part per key provider that gives no signing key, with the reason. */
  readonly notes: readonly string[]
  /** Positions in `components["org.keycloak.keys.KeyProvider"]` that became keys of ours. */
  readonly importedIndexes: readonly number[]
}

export const keyProviderType = 'org.keycloak.keys.KeyProvider'

/** Reads the key providers of the file. */
export function importKeys(draft: RealmDraft): PreparedKeys {
  const keys: PreparedKey[] = []
  const notes: string[] = []
  const importedIndexes: number[] = []
  for (const [index, provider] of objectsOf(
    objectOf(draft.representation, 'components'),
    keyProviderType,
  ).entries()) {
    const read = readProvider(provider)
    if ('note' in read)
      notes.push(`${textOf(provider, 'name') ?? textOf(provider, 'providerId') ?? 'a key'}: ${read.note}`)
    else if (!keys.some((key) => key.jwk.kid === read.key.jwk.kid)) {
      keys.push(read.key)
      importedIndexes.push(index)
    }
  }
  return { keys, notes, importedIndexes }
}

/** Keys for the algorithms that the realm and its clients sign with and the file brings none for. */
export async function missingKeys(
  random: Random,
  algorithms: ReadonlySet<SigningAlgorithm>,
  present: readonly PreparedKey[],
): Promise<readonly PreparedKey[]> {
  const made = [...algorithms].filter(
    (algorithm) => !present.some((key) => key.status === 'active' && key.jwk.alg === algorithm),
  )
  return Promise.all(
    made.map(async (algorithm) => ({
      jwk: await generateKey(random, algorithm),
      status: 'active' as const,
      priority: 100,
      certificate: undefined,
      isImported: false,
    })),
  )
}

/** RS256 always (KK-08), the realm's default, and what any client asks for. */
export function algorithmsOf(draft: RealmDraft): ReadonlySet<SigningAlgorithm> {
  const named = [
    'RS256',
    textOf(draft.representation, 'defaultSignatureAlgorithm'),
    ...draft.clients.flatMap(({ representation }) => {
      const attributes = objectOf(representation, 'attributes')
      return [
        textOf(attributes, 'id.token.signed.response.alg'),
        textOf(attributes, 'access.token.signed.response.alg'),
      ]
    }),
  ]
  return new Set(named.filter(isSigningAlgorithm))
}

type ReadProvider = { readonly key: PreparedKey } | { readonly note: string }

/** Where each kind of provider keeps its private key, and what it signs with by default. */
const providers: Readonly<Record<string, { member: string; algorithm: string }>> = {
  rsa: { member: 'privateKey', algorithm: 'RS256' },
  'rsa-generated': { member: 'privateKey', algorithm: 'RS256' },
  'ecdsa-generated': { member: 'ecdsaPrivateKey', algorithm: 'ES256' },
  ecdsa: { member: 'ecdsaPrivateKey', algorithm: 'ES256' },
  'eddsa-generated': { member: 'eddsaPrivateKey', algorithm: 'EdDSA' },
  eddsa: { member: 'eddsaPrivateKey', algorithm: 'EdDSA' },
}

function readProvider(provider: Representation): ReadProvider {
  const providerId = textOf(provider, 'providerId') ?? ''
  const kind = Object.hasOwn(providers, providerId) ? providers[providerId] : undefined
  if (!kind) return { note: `a key provider of kind "${providerId}" serves Keycloak alone; it is kept` }
  const config = objectOf(provider, 'config')
  const member = (name: string): string | undefined => textsOf(config, name)[0]
  const algorithm = member('algorithm') ?? kind.algorithm
  if (!isSigningAlgorithm(algorithm))
    return { note: `it signs with ${algorithm}, which Curfew does not; it is kept` }
  const pem = member(kind.member)
  if (!pem) return { note: 'it has no private key in the file, so a new key takes its place' }
  if (pem === secretMask) return { note: 'its private key is masked, so a new key takes its place' }
  const privateKey = parsePrivateKey(pem)
  if (!privateKey) return { note: 'its private key cannot be read; it is kept' }
  if (!isFor(privateKey, algorithm))
    return {
      note: 'Curfew does not sign with such a key (elliptic keys are on P-256 or Ed25519, RSA keys have 2048 bits or more); it is kept',
    }
  return { key: preparedKey(privateKey, algorithm, member) }
}

function preparedKey(
  privateKey: KeyObject,
  algorithm: SigningAlgorithm,
  member: (name: string) => string | undefined,
): PreparedKey {
  const certificate = member('certificate')
  const kid = member('kid') ?? keycloakKid(privateKey)
  return {
    jwk: { ...(privateKey.export({ format: 'jwk' }) as JWK), kid, alg: algorithm, use: 'sig' },
    status: member('enabled') === 'false' ? 'retired' : member('active') === 'false' ? 'passive' : 'active',
    priority: Number(member('priority') ?? 0) || 0,
    certificate: certificate ? body(certificate) : undefined,
    isImported: true,
  }
}

const body = (pem: string): string => pem.replace(/-----[^-]+-----|\s/g, '')

/** PKCS#8 as Keycloak writes it, or PKCS#1 as people bring it; with or without the PEM lines. */
function parsePrivateKey(pem: string): KeyObject | undefined {
  const key = Buffer.from(body(pem), 'base64')
  for (const type of ['pkcs8', 'pkcs1'] as const) {
    try {
      return createPrivateKey({ key, format: 'der', type })
    } catch {
      // the other form is tried
    }
  }
  return undefined
}

/** RFC 7518 §3.3: RSA keys of 2048 bits at least; ES256 is on P-256; EdDSA here is Ed25519. */
function isFor(key: KeyObject, algorithm: SigningAlgorithm): boolean {
  const details = key.asymmetricKeyDetails
  if (algorithm === 'EdDSA') return key.asymmetricKeyType === 'ed25519'
  if (algorithm === 'ES256') return key.asymmetricKeyType === 'ec' && details?.namedCurve === 'prime256v1'
  return key.asymmetricKeyType === 'rsa' && (details?.modulusLength ?? 0) >= 2048
}

/** Keycloak's key id: SHA-256 of the public key's DER, so tokens signed there name a key that is found here. */
function keycloakKid(key: KeyObject): string {
  const spki = createPublicKey(key).export({ format: 'der', type: 'spki' })
  return createHash('sha256').update(spki).digest('base64url')
}
