/** Every scope that some client of a realm may have. */
import type { Realm } from '../../realm/realm.ts'
import { builtInScopes } from './built-in-scope.ts'

const scopesOf = new WeakMap<Realm, string>()

/** Names, sorted and joined by a space. */
export function allScopes(realm: Realm): string {
  const kept = scopesOf.get(realm)
  if (kept !== undefined) return kept
  const own = [...realm.scopes.values()].filter((scope) => scope.protocol !== 'saml').map(({ name }) => name)
  const scope = [...new Set(['openid', 'offline_access', ...builtInScopes.keys(), ...own])].sort().join(' ')
  scopesOf.set(realm, scope)
  return scope
}
