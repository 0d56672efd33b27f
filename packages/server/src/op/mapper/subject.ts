/** The `sub` that one application sees of an account: the account's id, or a value that is the application's own. */
import { createHash } from 'node:crypto'
import type { Realm } from '../../realm/realm.ts'
import type { Client, ProtocolMapper } from '../../rp/client.ts'
import { grantedScopes } from './granted-scope.ts'

/**
 * The same value in ID tokens, access tokens, userinfo and logout tokens of this client; computed as Keycloak
 * does, so that an imported application keeps knowing its people.
 * @see OpenID Connect Core 1.0 §8.1
 */
export function subjectFor(realm: Realm, client: Client, accountId: string): string {
  const mapper = pairwiseMapper(realm, client)
  if (!mapper) return accountId
  const sector = sectorIdentifier(client, mapper.config['sectorIdentifierUri'])
  const salt = mapper.config['pairwiseSubAlgorithmSalt'] ?? ''
  return nameUuid(createHash('sha256').update(sector).update(accountId).update(salt).digest())
}

export function isPairwise(realm: Realm, client: Client): boolean {
  return pairwiseMapper(realm, client) !== undefined
}

/** Looked for once per realm in memory: every token asks. */
const mappers = new WeakMap<Realm, WeakMap<Client, ProtocolMapper | 'none'>>()

function pairwiseMapper(realm: Realm, client: Client): ProtocolMapper | undefined {
  const ofRealm = mappers.get(realm) ?? new WeakMap<Client, ProtocolMapper | 'none'>()
  mappers.set(realm, ofRealm)
  const found = ofRealm.get(client) ?? findPairwiseMapper(realm, client) ?? 'none'
  ofRealm.set(client, found)
  return found === 'none' ? undefined : found
}

function findPairwiseMapper(realm: Realm, client: Client): ProtocolMapper | undefined {
  const ofScopes = grantedScopes(realm, client, []).flatMap((scope) => scope.protocolMappers)
  return [...client.protocolMappers, ...ofScopes].find(
    (mapper) => mapper.protocolMapper === 'oidc-sha256-pairwise-sub-mapper',
  )
}

/** The host of the sector identifier URI, else of the first redirect URI that has one, else the client by itself. */
function sectorIdentifier(client: Client, sectorIdentifierUri: string | undefined): string {
  const registered = sectorIdentifierUri ? URL.parse(sectorIdentifierUri)?.hostname : undefined
  if (registered) return registered
  for (const uri of client.redirectUris) {
    const host = URL.parse(uri, client.rootUrl)?.hostname
    if (host) return host
  }
  return client.clientId
}

/** A version 3 UUID of the bytes without a name space, as `java.util.UUID.nameUUIDFromBytes` makes it. */
function nameUuid(bytes: Uint8Array): string {
  const b = createHash('md5').update(bytes).digest()
  b[6] = ((b[6] as number) & 0x0f) | 0x30
  b[8] = ((b[8] as number) & 0x3f) | 0x80
  const h = b.toString('hex')
  return `${h.slice(0, 8)}-${h.slice(8, 12)}-${h.slice(12, 16)}-${h.slice(16, 20)}-${h.slice(20)}`
}
