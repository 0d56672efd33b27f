/**
 * The realm as a resource (RFC 8707). It is the default of every request, and the engine's way to access tokens
 * that are JWTs: their format belongs to a resource.
 */
import type { Realm } from '../realm/realm.ts'
import { allScopes } from './mapper/all-scopes.ts'

export const realmResource = 'urn:curfew:realm'

export interface RealmResourceServer {
  readonly scope: string
  readonly accessTokenFormat: 'jwt'
}

export function realmResourceServer(realm: Realm): RealmResourceServer {
  return { scope: allScopes(realm), accessTokenFormat: 'jwt' }
}
