/** The engine's cookies: names per realm, so that two realms on one host never share one (security.md, cookies). */
import type { Configuration } from 'oidc-provider'
import type { Realm } from '../realm/realm.ts'

type Cookies = NonNullable<Configuration['cookies']>

/**
 * Over https the session cookie has the prefix `__Host-`, so that no sibling domain can set it. The other two
 * are bound to a path, which `__Host-` forbids. Over plain http, loopback development, a browser refuses both.
 */
export function cookieNames(realm: Realm): NonNullable<Cookies['names']> {
  const key = realm.cookieKey
  return isHttps(realm)
    ? { session: `__Host-sid-${key}`, interaction: `__Secure-flow-${key}`, resume: `__Secure-resume-${key}` }
    : { session: `curfew-sid-${key}`, interaction: `curfew-flow-${key}`, resume: `curfew-resume-${key}` }
}

export function sessionCookieName(realm: Realm): string {
  return cookieNames(realm).session as string
}

/** Not signed: the values are 256 random bits, and only their hash is stored. */
export function cookieOptions(realm: Realm): Pick<Cookies, 'long' | 'short'> {
  const options = { httpOnly: true, sameSite: 'lax', secure: isHttps(realm), signed: false } as const
  return { long: { ...options, path: '/' }, short: options }
}

function isHttps(realm: Realm): boolean {
  return realm.issuer.startsWith('https:')
}
