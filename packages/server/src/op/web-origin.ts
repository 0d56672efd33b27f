/** Origins from which a client's pages may call the server: `webOrigins`, with `+` for those of its redirect URIs. */
import type { Client } from '../rp/client.ts'

const known = new WeakMap<Client, readonly string[]>()

/** Sorted as registered; `*` stays as it is. The same list comes back for the same client. */
export function webOriginsOf(client: Client): readonly string[] {
  const kept = known.get(client)
  if (kept) return kept
  const origins = new Set<string>()
  for (const value of client.webOrigins) {
    if (value === '+') for (const origin of redirectOrigins(client)) origins.add(origin)
    else if (value) origins.add(value.replace(/\/+$/, ''))
  }
  const list = [...origins]
  known.set(client, list)
  return list
}

/** True if a page of this origin may read answers that were made for the client. */
export function isWebOrigin(client: Client, origin: string): boolean {
  const origins = webOriginsOf(client)
  return origins.includes(origin) || origins.includes('*')
}

function redirectOrigins(client: Client): readonly string[] {
  const origins: string[] = []
  for (const uri of client.redirectUris) {
    const absolute = URL.parse(uri, client.rootUrl)
    if (absolute && (absolute.protocol === 'https:' || absolute.protocol === 'http:'))
      origins.push(absolute.origin)
  }
  return origins
}
