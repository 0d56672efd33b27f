/** Names of levels of sign-in: Keycloak's `acr.loa.map`, `{"silver":"1"}`, of the client or else of the realm. */
import type { Realm } from '../../realm/realm.ts'
import type { Client } from '../../rp/client.ts'
import { isObject } from '../../rp/representation.ts'

const attribute = 'acr.loa.map'

/** What tokens say in `acr` for a level; the level itself where it has no name. */
export function acrName(realm: Realm, client: Client, level: string): string {
  return namesIn(client.attributes).get(level) ?? namesIn(realm.attributes).get(level) ?? level
}

/** Names that the realm gives to levels, for discovery. */
export function acrNames({ attributes }: Pick<Realm, 'attributes'>): readonly string[] {
  return [...namesIn(attributes).values()]
}

type Attributes = Readonly<Record<string, string>>

/** Every token asks; what is in memory never changes. */
const known = new WeakMap<Attributes, ReadonlyMap<string, string>>()

function namesIn(attributes: Attributes): ReadonlyMap<string, string> {
  const kept = known.get(attributes)
  if (kept) return kept
  const names = readNames(attributes[attribute])
  known.set(attributes, names)
  return names
}

/** Of two names for one level the first counts. */
function readNames(text: string | undefined): ReadonlyMap<string, string> {
  const names = new Map<string, string>()
  for (const [name, level] of Object.entries(parsed(text))) {
    if (!names.has(String(level))) names.set(String(level), name)
  }
  return names
}

function parsed(text: string | undefined): Readonly<Record<string, unknown>> {
  if (!text) return {}
  try {
    const value: unknown = JSON.parse(text)
    return isObject(value) ? value : {}
  } catch {
    // Keycloak ignores a map that it cannot read
    return {}
  }
}
