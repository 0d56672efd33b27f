/**
 * The signing keys of a realm.
 *
 * Terms
 * - active: signs. passive: does not sign, is published and verifies. retired: neither; kept so that an old
 *   token can be explained ("signed by a key that was retired").
 * - usable at: a new key is published at once and signs only from then on, so that every receiver has fetched
 *   it before it meets it (I8: at least 10 minutes; the first keys of a realm sign at once).
 *
 * @see JSON Web Key, RFC 7517
 */
import { type CryptoKey, exportJWK, generateKeyPair, importJWK, type JWK } from 'jose'
import type { Instant } from '../ambient/clock.ts'
import { type Random, randomId } from '../ambient/random.ts'
import type { Tx } from '../store/store.ts'
import type { RealmKeyTable } from '../store/tables.ts'
import { type ServerSecret, seal, unseal } from './seal.ts'

/** JWS algorithms that a realm can sign with (RFC 7518 §3.1, RFC 8037). */
export const signingAlgorithms = ['RS256', 'PS256', 'ES256', 'EdDSA'] as const
export type SigningAlgorithm = (typeof signingAlgorithms)[number]

export interface RealmKey {
  readonly kid: string
  readonly algorithm: SigningAlgorithm
  readonly status: 'active' | 'passive' | 'retired'
  readonly priority: number
  readonly usableAt: Instant
  /** Public members with `kid`, `alg` and `use`. */
  readonly publicJwk: JWK
  readonly privateJwk: JWK
  readonly privateKey: CryptoKey
  readonly publicKey: CryptoKey
  /** Base64 of the DER certificate, where the realm was imported with one. */
  readonly certificate: string | undefined
}

/** Published with every new key before it signs (I8). */
export const keyPublishLeadMs = 10 * 60_000

/** The key that signs with `algorithm` at `at`: the usable active one of the highest priority. */
export function signingKeyFor(
  keys: readonly RealmKey[],
  algorithm: SigningAlgorithm,
  at: Instant,
): RealmKey | undefined {
  return keys
    .filter((key) => key.status === 'active' && key.algorithm === algorithm && key.usableAt <= at)
    .sort((a, b) => b.priority - a.priority || b.usableAt - a.usableAt)[0]
}

/** Generates a key pair outside any transaction: RSA takes up to a second. */
export async function generateKey(random: Random, algorithm: SigningAlgorithm): Promise<JWK> {
  const options = {
    extractable: true,
    ...(algorithm === 'EdDSA' ? { crv: 'Ed25519' } : { modulusLength: 2048 }),
  }
  const { privateKey } = await generateKeyPair(algorithm, options)
  return { ...(await exportJWK(privateKey)), kid: randomId(random, '', 128), alg: algorithm, use: 'sig' }
}

export interface NewKey {
  readonly realmId: string
  readonly jwk: JWK
  readonly status: 'active' | 'passive' | 'retired'
  readonly priority: number
  readonly usableAt: Instant
  readonly certificate?: string | undefined
}

/** Stores a private key, sealed. The JWK names its `kid` and `alg`. */
export async function insertKey(
  deps: { secret: ServerSecret; random: Random },
  tx: Tx,
  key: NewKey,
  at: Instant,
): Promise<void> {
  const { kid, alg } = key.jwk
  if (!kid || !alg) throw new TypeError('a realm key names its kid and alg')
  await tx.db
    .insertInto('realm_key')
    .values({
      kid,
      realm_id: key.realmId,
      algorithm: alg,
      status: key.status,
      priority: key.priority,
      public_jwk: JSON.stringify(publicPart(key.jwk)),
      private_jwk_sealed: seal(
        deps.secret,
        deps.random,
        sealLabel(key.realmId, kid),
        JSON.stringify(key.jwk),
      ),
      certificate: key.certificate ?? null,
      created_at: at,
      usable_at: key.usableAt,
      retired_at: key.status === 'retired' ? at : null,
    })
    .execute()
}

/** Opens one stored key. Called when a realm is loaded into memory. */
export async function openKey(secret: ServerSecret, row: RealmKeyTable): Promise<RealmKey> {
  const privateJwk = JSON.parse(
    unseal(secret, sealLabel(row.realm_id, row.kid), row.private_jwk_sealed),
  ) as JWK
  const publicJwk = JSON.parse(row.public_jwk) as JWK
  const algorithm = row.algorithm as SigningAlgorithm
  return {
    kid: row.kid,
    algorithm,
    status: row.status as RealmKey['status'],
    priority: row.priority,
    usableAt: row.usable_at,
    publicJwk,
    privateJwk,
    privateKey: (await importJWK(privateJwk, algorithm)) as CryptoKey,
    publicKey: (await importJWK(publicJwk, algorithm)) as CryptoKey,
    certificate: row.certificate ?? undefined,
  }
}

const sealLabel = (realmId: string, kid: string): string => `realm_key/${realmId}/${kid}`

/** Members of a private JWK that never leave the server (RFC 7518 §6, RFC 8037 §2). */
const privateMembers = new Set(['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k'])

function publicPart(jwk: JWK): JWK {
  return Object.fromEntries(Object.entries(jwk).filter(([name]) => !privateMembers.has(name)))
}
