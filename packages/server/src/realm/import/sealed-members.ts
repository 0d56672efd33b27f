/**
 * Secrets inside representations: bind passwords, client secrets of identity providers, private keys, secrets of
 * key providers. They are kept with their object (KZ-90) and sealed one by one, so that no table shows them.
 */
import type { Random } from '../../ambient/random.ts'
import { type ServerSecret, seal, unseal } from '../../key/seal.ts'
import { isObject, type Representation } from '../../rp/representation.ts'
import { secretMask } from './realm-draft.ts'

/** Names of members that hold a secret, wherever they stand in Keycloak's JSON. */
const secretMember =
  /^(?:secret|clientSecret|client\.secret\.rotated|password|bindCredential|privateKey|ecdsaPrivateKey|eddsaPrivateKey|keyPassword|keystorePassword|codeSecret|registrationAccessToken|saml\.(?:signing|encryption)\.private\.key|authToken|apiKey)$/i

const sealedPrefix = 'curfew:'

/** The representation with every secret member sealed. */
export function sealMembers(
  deps: { readonly secret: ServerSecret; readonly random: Random },
  of: Representation,
): Representation {
  return mapSecrets(of, (clear) =>
    clear === secretMask || clear === ''
      ? clear
      : sealedPrefix + seal(deps.secret, deps.random, label, clear),
  )
}

/** @throws CURFEW_KEY_UNSEAL_FAILED */
export function openMembers(secret: ServerSecret, of: Representation): Representation {
  return mapSecrets(of, (value) =>
    value.startsWith(sealedPrefix) ? unseal(secret, label, value.slice(sealedPrefix.length)) : value,
  )
}

/** What is kept in memory and shown to administrators: every secret member as Keycloak masks it. */
export function maskMembers(of: Representation): Representation {
  return mapSecrets(of, (value) => (value === '' ? value : secretMask))
}

/** Paths of members that a console export has masked. */
export function maskedPaths(of: Representation): readonly string[] {
  const found: string[] = []
  mapSecrets(of, (value, path) => {
    if (value === secretMask) found.push(path)
    return value
  })
  return found
}

const label = 'representation'

function mapSecrets(of: Representation, change: (value: string, path: string) => string): Representation {
  const walk = (value: unknown, path: string, isSecret: boolean): unknown => {
    if (typeof value === 'string') return isSecret ? change(value, path) : value
    if (Array.isArray(value)) return value.map((item, index) => walk(item, `${path}[${index}]`, isSecret))
    if (!isObject(value)) return value
    return Object.fromEntries(
      Object.entries(value).map(([name, member]) => [
        name,
        walk(member, path === '' ? name : `${path}.${name}`, secretMember.test(name)),
      ]),
    )
  }
  return walk(of, '', false) as Representation
}
