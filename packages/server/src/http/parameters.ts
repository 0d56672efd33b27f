/**
 * Request parameters of the protocol endpoints. A parameter that is sent twice is refused, an empty one counts
 * as absent (RIL-29, KL-09, KK-04; OAuth 2.0, RFC 6749 §3.1 and §3.2).
 */

export type Parameters = { readonly ok: true; readonly values: Readonly<Record<string, string>> } | Duplicate

export interface Duplicate {
  readonly ok: false
  /** The name of the parameter that was sent more than once. */
  readonly duplicate: string
}

export function readParameters(params: URLSearchParams): Parameters {
  const values: Record<string, string> = Object.create(null)
  const seen = new Set<string>()
  for (const [name, value] of params) {
    if (seen.has(name)) return { ok: false, duplicate: name }
    seen.add(name)
    if (value !== '') values[name] = value
  }
  return { ok: true, values }
}
