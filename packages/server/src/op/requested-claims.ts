/**
 * Claims that an application asks for one by one (`claims` parameter), beside those of its scopes. It may have
 * what some client scope of its own would give it, so it never gets more than `scope` could bring.
 *
 * @see OpenID Connect Core 1.0 §5.5
 */
import type { Account } from '../account/account.ts'
import type { Realm } from '../realm/realm.ts'
import type { Client } from '../rp/client.ts'
import { requestableClaims } from './derived-grant.ts'
import type { Claims } from './mapper/claim-path.ts'
import { supportedScopes } from './mapper/granted-scope.ts'
import { claimsFor } from './mapper/mapper.ts'
import type { SessionNotes } from './mapper/mapper-kind.ts'

/** These say something of the sign-in, and the engine answers them itself. */
const ofTheSignIn: ReadonlySet<string> = new Set(['acr', 'amr', 'auth_time', 'sid', 'sub'])

/**
 * Names of the claims asked for, without those that are not for applications to ask. A person who was asked for
 * consent saw scopes and no single claims, so such a client gets none.
 *
 * @param wanted the member `userinfo` or `id_token` of the parameter
 */
export function requestedClaims(client: Client, wanted: unknown): readonly string[] {
  if (client.consentRequired || typeof wanted !== 'object' || wanted === null) return []
  return requestableClaims.filter((name) => !ofTheSignIn.has(name) && Object.hasOwn(wanted, name))
}

/** `said`, and the named claims that it lacks and that a client scope of the application has. */
export function addRequestedClaims(
  of: {
    readonly realm: Realm
    readonly client: Client
    readonly account: Account
    readonly notes: SessionNotes
  },
  names: readonly string[],
  said: Claims,
): Claims {
  const missing = names.filter((name) => !Object.hasOwn(said, name))
  if (missing.length === 0) return said
  const { realm, client, account, notes } = of
  const possible = claimsFor(realm, client, account, supportedScopes(realm, client), 'userinfo', notes)
  const found = missing.filter((name) => Object.hasOwn(possible, name))
  return { ...said, ...Object.fromEntries(found.map((name) => [name, possible[name]])) }
}
