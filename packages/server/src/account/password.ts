/**
 * Passwords: ours are argon2id in PHC form; imported ones keep Keycloak's form (§19.1) until the next sign-in
 * replaces them (KZ-83).
 *
 * Hashing takes memory and processor time by design, so nothing here is called except through
 * `password-pool.ts`.
 */
import { pbkdf2, timingSafeEqual } from 'node:crypto'
import { promisify } from 'node:util'
import { hash, hashRaw, parseOptions, verify } from '@node-rs/argon2'
import type { Random } from '../ambient/random.ts'

/** The `data` of a credential row of type `password`. */
export type StoredPassword =
  | { readonly form: 'phc'; readonly hash: string }
  | {
      readonly form: 'keycloak'
      /** Keycloak's `secretData` and `credentialData`, parsed. */
      readonly secretData: KeycloakSecretData
      readonly credentialData: KeycloakCredentialData
    }

export interface KeycloakSecretData {
  /** Base64. */
  readonly value: string
  readonly salt: string
}

export interface KeycloakCredentialData {
  readonly algorithm: string
  readonly hashIterations: number
  readonly additionalParameters?: Readonly<Record<string, readonly string[]>>
}

/** Cost of our own hashes: the minimum of OWASP ASVS 5.0, which settings may only raise (security.md). */
export interface Argon2Cost {
  readonly memoryKib: number
  readonly passCount: number
}
export const argon2CostMin: Argon2Cost = { memoryKib: 46 * 1024, passCount: 1 }

/** Longer passwords are refused before any hashing. */
export const passwordLengthMax = 1024

/** Bounds of imported hashes (KZ-84): what costs more is refused at import, never run at sign-in. */
export const importedCostMax = {
  pbkdf2IterationCount: 5_000_000,
  argon2MemoryKib: 1024 * 1024,
  argon2PassCount: 100,
}

// The package's enums are ambient constants, which type stripping cannot read: argon2id is 2.
const argon2id = 2
const argon2Types: Readonly<Record<string, 0 | 1 | 2>> = { d: 0, i: 1, id: 2 }
const argon2Versions: Readonly<Record<string, 0 | 1>> = { '1.0': 0, '1.3': 1 }

/** A new argon2id hash: 16 bytes of salt, 32 of hash, one lane. */
export async function hashPassword(
  random: Random,
  password: string,
  cost: Argon2Cost = argon2CostMin,
): Promise<StoredPassword> {
  const salt = random.bytes(16)
  const options = {
    algorithm: argon2id,
    memoryCost: cost.memoryKib,
    timeCost: cost.passCount,
    parallelism: 1,
    salt,
  } as const
  return { form: 'phc', hash: await hash(password, options) }
}

/** True when `password` is the one that was stored. False for anything malformed or beyond the bounds. */
export async function verifyPassword(stored: StoredPassword, password: string): Promise<boolean> {
  if (password === '' || password.length > passwordLengthMax) return false
  if (stored.form === 'phc') return verify(stored.hash, password).catch(() => false)
  if (importedPasswordProblem(stored) !== undefined) return false
  const expected = Buffer.from(stored.secretData.value, 'base64')
  return timingSafeEqual(await derive(stored, password, expected.length), expected)
}

/** True when a good sign-in should replace the hash: another form than ours, or a lower cost (KZ-83). */
export function needsRehash(stored: StoredPassword, cost: Argon2Cost = argon2CostMin): boolean {
  if (stored.form !== 'phc') return true
  const has = parseOptions(stored.hash)
  return has.algorithm !== argon2id || has.memoryCost < cost.memoryKib || has.timeCost < cost.passCount
}

const pbkdf2Digests: Readonly<Record<string, string>> = {
  pbkdf2: 'sha1',
  'pbkdf2-sha256': 'sha256',
  'pbkdf2-sha512': 'sha512',
}

/** Why an imported hash cannot be used, as a sentence part; undefined when it can (KZ-80, KZ-81, KZ-84). */
export function importedPasswordProblem(
  stored: StoredPassword & { readonly form: 'keycloak' },
): string | undefined {
  const { secretData, credentialData } = stored
  const { algorithm, hashIterations } = credentialData
  const length = Buffer.from(secretData.value, 'base64').length
  if (length < 16 || length > 512) return 'its hash is not 16 to 512 bytes of Base64'
  if (Buffer.from(secretData.salt, 'base64').length < 8) return 'its salt is shorter than 8 bytes'
  if (!Number.isInteger(hashIterations) || hashIterations < 1)
    return 'its hashIterations is not a whole number above 0'
  if (algorithm === 'argon2') return argon2Problem(credentialData)
  if (!Object.hasOwn(pbkdf2Digests, algorithm)) return `its algorithm "${algorithm}" is unknown`
  return hashIterations > importedCostMax.pbkdf2IterationCount
    ? `${hashIterations} iterations are more than ${importedCostMax.pbkdf2IterationCount}`
    : undefined
}

function argon2Problem(of: KeycloakCredentialData): string | undefined {
  const { type, version, memoryKib, laneCount } = argon2Parameters(of)
  if (type === undefined || version === undefined) return 'its argon2 type or version is unknown'
  if (!(memoryKib >= 8 && laneCount >= 1 && laneCount <= 255))
    return 'its argon2 memory or parallelism is not usable'
  if (memoryKib > importedCostMax.argon2MemoryKib) return `${memoryKib} KiB of memory are more than 1 GiB`
  return of.hashIterations > importedCostMax.argon2PassCount
    ? `${of.hashIterations} passes are more than ${importedCostMax.argon2PassCount}`
    : undefined
}

/** KZ-81: raw hash and salt, the parameters as lists of text, with Keycloak's defaults. */
function argon2Parameters(of: KeycloakCredentialData) {
  const first = (name: string, whenAbsent: string): string =>
    of.additionalParameters?.[name]?.[0] ?? whenAbsent
  return {
    type: argon2Types[first('type', 'id')],
    version: argon2Versions[first('version', '1.3')],
    memoryKib: Number(first('memory', '7168')),
    laneCount: Number(first('parallelism', '1')),
  }
}

const derivePbkdf2 = promisify(pbkdf2)

/** KZ-80: the length of the stored value decides how much is derived. */
function derive(
  { secretData, credentialData }: StoredPassword & { readonly form: 'keycloak' },
  password: string,
  length: number,
): Promise<Buffer> {
  const salt = Buffer.from(secretData.salt, 'base64')
  const digest = pbkdf2Digests[credentialData.algorithm]
  if (digest !== undefined) return derivePbkdf2(password, salt, credentialData.hashIterations, length, digest)
  const { type, version, memoryKib, laneCount } = argon2Parameters(credentialData)
  return hashRaw(password, {
    algorithm: type ?? argon2id,
    version: version ?? 1,
    memoryCost: memoryKib,
    timeCost: credentialData.hashIterations,
    parallelism: laneCount,
    outputLen: length,
    salt,
  })
}
