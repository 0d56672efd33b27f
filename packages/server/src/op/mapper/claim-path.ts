/** Where a claim stands: a dotted path of members, `realm_access.roles`; `\.` is a dot inside a name. */

export type Claims = Record<string, unknown>

/**
 * The members that a mapper may never write: they say who issued the token, to whom, for which session and for
 * how long, and the server judges tokens by them. `sub` is `subjectFor`'s alone, so that every token of one
 * application, logout tokens included, carries the same value.
 */
const protectedClaims = new Set([
  'iss',
  'sub',
  'azp',
  'sid',
  'typ',
  'jti',
  'iat',
  'exp',
  'nbf',
  'scope',
  'userinfo_claims',
  'nonce',
  'at_hash',
  'c_hash',
  'client_id',
  'cnf',
  'act',
])

/** Members of the path, or none when the path may not be written. */
export function splitClaimPath(path: string): readonly string[] {
  const members = (path.match(/(?:\\.|[^\\.])+/gsu) ?? []).map((member) => member.replace(/\\(.)/gsu, '$1'))
  const isWritable = members.length > 0 && !members.includes('__proto__')
  return isWritable && !protectedClaims.has(members[0] as string) ? members : []
}

/** Puts `value` at the path; a list joins the list that already stands there, as roles of several mappers do. */
export function putClaim(claims: Claims, path: readonly string[], value: unknown): void {
  const last = path.at(-1)
  if (last === undefined || value === undefined) return
  let target = claims
  for (const member of path.slice(0, -1)) {
    const nested = Object.hasOwn(target, member) ? target[member] : undefined
    const next = isRecord(nested) ? nested : {}
    target[member] = next
    target = next
  }
  const present = Object.hasOwn(target, last) ? target[last] : undefined
  target[last] = Array.isArray(present) && Array.isArray(value) ? [...new Set([...present, ...value])] : value
}

function isRecord(value: unknown): value is Claims {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
