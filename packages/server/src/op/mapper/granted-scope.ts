/** Which client scopes apply to a token: the client's default ones always, its optional ones when asked for. */
import type { ClientScope, Realm } from '../../realm/realm.ts'
import type { Client } from '../../rp/client.ts'
import { builtInDefaultScopes, builtInOptionalScopes, builtInScopes } from './built-in-scope.ts'

/** The client scopes in force for `requested` (the `scope` parameter, split), defaults first. */
export function grantedScopes(
  realm: Realm,
  client: Client,
  requested: readonly string[],
): readonly ClientScope[] {
  const { defaults, optional } = scopeNamesOf(realm, client)
  const names = new Set([...defaults, ...optional.filter((name) => requested.includes(name))])
  return [...names].map((name) => scopeByName(realm, name)).filter((scope) => scope !== undefined)
}

/** The scopes that every token of the client has, asked for or not. */
export function defaultScopeNames(realm: Realm, client: Client): readonly string[] {
  return scopeNamesOf(realm, client).defaults
}

/** What the client may ask for: `openid` and the names of its client scopes. */
export function supportedScopes(realm: Realm, client: Client): readonly string[] {
  const { defaults, optional } = scopeNamesOf(realm, client)
  return [...new Set(['openid', ...defaults, ...optional])]
}

/**
 * The value of `scope` in access tokens and token responses: what was granted, by Keycloak's rule that default
 * scopes are granted unasked and that a scope may keep its name out of tokens (`include.in.token.scope`).
 */
export function tokenScope(realm: Realm, client: Client, requested: readonly string[]): string {
  const kept = tokenScopes.get(realm) ?? new Map<string, string>()
  tokenScopes.set(realm, kept)
  const key = `${client.uuid} ${requested.join(' ')}`
  const known = kept.get(key)
  if (known !== undefined) return known
  const made = makeTokenScope(realm, client, requested)
  if (kept.size >= tokenScopeCountMax) kept.delete(kept.keys().next().value as string)
  kept.set(key, made)
  return made
}

/** A client asks for few different scopes; a stranger's inventions are cut off by the maximum. */
const tokenScopeCountMax = 1000
const tokenScopes = new WeakMap<Realm, Map<string, string>>()

function makeTokenScope(realm: Realm, client: Client, requested: readonly string[]): string {
  const names = grantedScopes(realm, client, requested)
    .filter((scope) => scope.attributes['include.in.token.scope'] !== 'false')
    .map((scope) => scope.name)
  return [...new Set([...(requested.includes('openid') ? ['openid'] : []), ...names])].join(' ')
}

function scopeNamesOf(
  realm: Realm,
  client: Client,
): { readonly defaults: readonly string[]; readonly optional: readonly string[] } {
  const hasNone = client.defaultClientScopes.length === 0 && client.optionalClientScopes.length === 0
  return hasNone && realm.scopes.size === 0
    ? { defaults: builtInDefaultScopes, optional: builtInOptionalScopes }
    : { defaults: client.defaultClientScopes, optional: client.optionalClientScopes }
}

const byName = new WeakMap<Realm, ReadonlyMap<string, ClientScope>>()

function scopeByName(realm: Realm, name: string): ClientScope | undefined {
  let index = byName.get(realm)
  if (!index) {
    index = new Map([...realm.scopes.values()].map((scope) => [scope.name, scope]))
    byName.set(realm, index)
  }
  return index.get(name) ?? builtInScopes.get(name)
}
