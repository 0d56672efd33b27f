/**
 * Reads members of Keycloak's JSON representations. A member of the wrong type counts as absent here: files are
 * checked whole before they are stored (`realm/import/check-export.ts`).
 */

export type Representation = Readonly<Record<string, unknown>>

export function textOf(of: Representation, name: string): string | undefined {
  const value = of[name]
  return typeof value === 'string' && value !== '' ? value : undefined
}

export function flagOf(of: Representation, name: string, whenAbsent: boolean): boolean {
  const value = of[name]
  if (typeof value === 'boolean') return value
  return value === 'true' || value === 'false' ? value === 'true' : whenAbsent
}

/** A whole number ≥ 0; Keycloak also writes them as text. */
export function countOf(of: Representation, name: string, whenAbsent: number): number {
  const value = of[name]
  const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value
  return typeof number === 'number' && Number.isSafeInteger(number) && number >= 0 ? number : whenAbsent
}

export function textsOf(of: Representation, name: string): readonly string[] {
  const value = of[name]
  return Array.isArray(value) ? value.filter((one): one is string => typeof one === 'string') : []
}

/** Objects of a list member, such as `protocolMappers`. */
export function objectsOf(of: Representation, name: string): readonly Representation[] {
  const value = of[name]
  return Array.isArray(value) ? value.filter(isObject) : []
}

export function objectOf(of: Representation, name: string): Representation {
  const value = of[name]
  return isObject(value) ? value : {}
}

/** Attributes of realms, clients and scopes: one text each. Numbers and booleans become text, as in Keycloak. */
export function textMapOf(of: Representation, name: string): Readonly<Record<string, string>> {
  const entries = Object.entries(objectOf(of, name))
    .filter(([, value]) => ['string', 'number', 'boolean'].includes(typeof value))
    .map(([key, value]) => [key, String(value)] as const)
  return Object.fromEntries(entries)
}

/** Attributes of accounts, roles and groups: a list of texts each. */
export function textsMapOf(of: Representation, name: string): Readonly<Record<string, readonly string[]>> {
  const map = objectOf(of, name)
  return Object.fromEntries(
    Object.keys(map).map(
      (key) => [key, typeof map[key] === 'string' ? [map[key]] : textsOf(map, key)] as const,
    ),
  )
}

export function isObject(value: unknown): value is Representation {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The same object without the named members. */
export function without(of: Representation, names: readonly string[]): Representation {
  return Object.fromEntries(Object.entries(of).filter(([name]) => !names.includes(name)))
}
