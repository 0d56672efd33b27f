/**
 * Grants of applications that need no consent. Such a grant says only "this application may have everything that
 * it asks for", so it is not a row: its id stands in the client session, and it is there exactly as long as the
 * client session names it (engine.md §7). Offline grants and given consents are stored like other artifacts.
 */
import type { Random } from '../ambient/random.ts'
import { randomId } from '../ambient/random.ts'
import type { Realm } from '../realm/realm.ts'
import { allScopes } from './mapper/all-scopes.ts'
import { realmResource } from './realm-resource.ts'
import type { Payload, UnitOfWork } from './unit-of-work/unit-of-work.ts'

const prefix = 'cs.'

export function newDerivedGrantId(random: Random): string {
  return randomId(random, prefix)
}

export function isDerivedGrantId(grantId: string): boolean {
  return grantId.startsWith(prefix)
}

/** The grant that a client session read in this request names. */
export function findDerivedGrant(work: UnitOfWork, grantId: string): Payload | undefined {
  for (const { session, clientSessions } of work.loaded.values()) {
    for (const member of clientSessions.values()) {
      if (member.grantId === grantId)
        return derivedGrant(work.realm, {
          jti: grantId,
          clientId: member.clientId,
          accountId: session.accountId,
        })
    }
  }
  return undefined
}

export function derivedGrant(
  realm: Realm,
  of: { readonly jti: string; readonly clientId: string; readonly accountId: string },
): Payload {
  const scope = allScopes(realm)
  return {
    kind: 'Grant',
    ...of,
    openid: { scope, claims: requestableClaims },
    resources: { [realmResource]: scope },
  }
}

/** Claims that the `claims` parameter may name one by one (OpenID Connect Core §5.5). */
export const requestableClaims = [
  'acr',
  'address',
  'amr',
  'auth_time',
  'birthdate',
  'email',
  'email_verified',
  'family_name',
  'gender',
  'given_name',
  'locale',
  'middle_name',
  'name',
  'nickname',
  'phone_number',
  'phone_number_verified',
  'picture',
  'preferred_username',
  'profile',
  'sid',
  'sub',
  'updated_at',
  'website',
  'zoneinfo',
]
