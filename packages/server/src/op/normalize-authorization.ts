/**
 * What Keycloak accepts in an authorization request and the engine does not: an address with a fragment, which
 * keycloak-js takes from the page that it stands on (KK-20), and no scope at all (RFC 6749 §3.3), as applications
 * of plain OAuth send it.
 */
import type { Realm } from '../realm/realm.ts'
import { defaultScopeNames } from './mapper/granted-scope.ts'

/** @param pairs of the query or of a pushed request, as they came */
export function normalizeAuthorization(realm: Realm, pairs: readonly string[]): readonly string[] {
  return withScope(realm, pairs.map(withoutRedirectFragment))
}

/** The fragment never reaches an application that is redirected to, so nothing is lost by comparing without it. */
export function withoutRedirectFragment(pair: string): string {
  return pair.startsWith('redirect_uri=') ? (pair.split(/%23/i, 1)[0] as string) : pair
}

function withScope(realm: Realm, pairs: readonly string[]): readonly string[] {
  // a pushed or signed request has its parameters elsewhere
  const isElsewhere = pairs.some((pair) => pair.startsWith('request_uri=') || pair.startsWith('request='))
  if (isElsewhere || pairs.some((pair) => pair.startsWith('scope=') && pair !== 'scope=')) return pairs
  const id = pairs.find((pair) => pair.startsWith('client_id='))?.slice('client_id='.length) ?? ''
  const client = realm.clients.get(new URLSearchParams(`id=${id}`).get('id') ?? '')
  const names = client ? defaultScopeNames(realm, client) : []
  if (names.length === 0) return pairs
  // without `openid` there is no ID token that could carry a nonce, and the engine refuses the pair
  const kept = pairs.filter((pair) => pair !== 'scope=' && !pair.startsWith('nonce='))
  return [...kept, `scope=${encodeURIComponent(names.join(' '))}`]
}
