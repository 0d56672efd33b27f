/** How a file changes what is stored: each member that it names is replaced, everything else stays. */
import { isObject, objectOf, type Representation } from '../../rp/representation.ts'
import { secretMask } from './realm-draft.ts'

/**
 * The stored representation with the file's members in place of its own. A masked secret keeps the stored one.
 * Curfew's own attributes (`curfew.…`) stay unless the file names them.
 */
export function mergeRepresentation(stored: Representation, file: Representation): Representation {
  const merged: Record<string, unknown> = { ...stored }
  for (const [name, value] of Object.entries(file)) merged[name] = unmasked(value, stored[name])
  if (isObject(file['attributes'])) {
    const own = Object.entries(objectOf(stored, 'attributes')).filter(([name]) => name.startsWith('curfew.'))
    merged['attributes'] = { ...Object.fromEntries(own), ...(merged['attributes'] as Representation) }
  }
  return merged
}

function unmasked(value: unknown, stored: unknown): unknown {
  if (value === secretMask) return stored ?? value
  if (Array.isArray(value))
    return value.map((item, i) => unmasked(item, Array.isArray(stored) ? stored[i] : undefined))
  if (!isObject(value)) return value
  const of = isObject(stored) ? stored : {}
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, unmasked(member, of[name])]))
}

/** The same text for the same content, whatever the order of members. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_, member: unknown) =>
    isObject(member)
      ? Object.fromEntries(Object.entries(member).sort(([a], [b]) => (a < b ? -1 : 1)))
      : member,
  )
}

/** Names of the members in which two objects differ, sorted. */
export function changedMembers(before: Representation, after: Representation): readonly string[] {
  const names = new Set([...Object.keys(before), ...Object.keys(after)])
  return [...names]
    .filter((name) => canonicalJson(before[name] ?? null) !== canonicalJson(after[name] ?? null))
    .sort()
}
