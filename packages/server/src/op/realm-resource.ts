/**
 * The realm as a resource (RFC 8707). It is the default of every request, and the engine's way to access tokens
 * that are JWTs: their format and algorithm belong to a resource.
 */
import type { SigningAlgorithm } from '../key/key.ts'
import type { Realm } from '../realm/realm.ts'
import type { Client } from '../rp/client.ts'
import { signingAlgorithmOf } from './client-metadata.ts'
import { allScopes } from './mapper/all-scopes.ts'

export const realmResource = 'urn:curfew:realm'

export interface RealmResourceServer {
  readonly scope: string
  readonly accessTokenFormat: 'jwt'
  readonly jwt: { readonly sign: { readonly alg: SigningAlgorithm } }
}

/** @param usable the algorithms that the realm has a key for */
export function realmResourceServer(
  realm: Realm,
  client: Client,
  usable: readonly SigningAlgorithm[],
): RealmResourceServer {
  return {
    scope: allScopes(realm),
    accessTokenFormat: 'jwt',
    jwt: { sign: { alg: signingAlgorithmOf(realm, client, usable, 'access') } },
  }
}
