/** The cookies that the session frame and the cookie probe look at (security.md, cookies). */
import type { Realm } from '../../realm/realm.ts'

export interface FrameCookie {
  readonly name: string
  /** Everything after the value. */
  readonly attributes: string
}

/** Readable by the frame's script, random, nothing identifying; changes with every sign-in and sign-out (KC-02). */
export function stateCookie(realm: Pick<Realm, 'issuer' | 'cookieKey'>): FrameCookie {
  return cookie(realm, 'state', '')
}

/** Has exactly the attributes of the session cookie, so that the probe's answer is true for that one (KI-12). */
export function probeCookie(realm: Pick<Realm, 'issuer' | 'cookieKey'>): FrameCookie {
  return cookie(realm, 'probe', '; HttpOnly')
}

function cookie(
  { issuer, cookieKey }: Pick<Realm, 'issuer' | 'cookieKey'>,
  purpose: 'state' | 'probe',
  extra: string,
): FrameCookie {
  const isHttps = issuer.startsWith('https:')
  return {
    name: `${isHttps ? '__Host-' : 'curfew-'}${purpose}-${cookieKey}`,
    attributes: `; Path=/; SameSite=Lax${isHttps ? '; Secure' : ''}${extra}`,
  }
}

/** The value of one cookie of a request. */
export function readCookie(header: string | undefined, name: string): string | undefined {
  for (const pair of header?.split(';') ?? []) {
    const equals = pair.indexOf('=')
    if (pair.slice(0, equals).trim() === name) return pair.slice(equals + 1).trim()
  }
  return undefined
}
