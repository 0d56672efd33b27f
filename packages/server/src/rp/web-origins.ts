/** Origins whose scripts may call the server for a client: `webOrigins` (KK-01 `allowed-origins`, CORS). */
import type { Client } from './client.ts'
import { type RedirectRegistration, registeredRedirectUris } from './redirect-uri.ts'

export type OriginRegistration = RedirectRegistration & Pick<Client, 'webOrigins'>

/**
 * The allowed origins as tokens carry them: `+` becomes the origins of the redirect URIs; `*` stays and means
 * any. Values that are no origin are left out.
 */
export function allowedOrigins(client: OriginRegistration): readonly string[] {
  const kept = known.get(client)
  if (kept) return kept
  const origins = findOrigins(client)
  known.set(client, origins)
  return origins
}

/** Every access token carries them; a client in memory never changes. */
const known = new WeakMap<OriginRegistration, readonly string[]>()

function findOrigins(client: OriginRegistration): readonly string[] {
  const origins = client.webOrigins.flatMap((value) => {
    if (value === '*') return ['*']
    if (value === '+') return registeredRedirectUris(client).flatMap(originOf)
    return originOf(value)
  })
  return [...new Set(origins)]
}

/** Judges an `Origin` header. `null` (sandboxed frames, files) is never allowed by name (Fetch §3.2). */
export function isOriginAllowed(client: OriginRegistration, origin: string): boolean {
  if (origin === 'null') return false
  const allowed = allowedOrigins(client)
  return allowed.includes(origin) || allowed.includes('*')
}

/** The web origin of an address, or nothing for a wildcard host, another scheme or text that is no address. */
export function originOf(address: string): readonly string[] {
  if (!/^https?:\/\/[^/?#*@\\]+/.test(address) || !URL.canParse(address)) return []
  return [new URL(address).origin]
}
