/**
 * What makes a parsed value unusable although it is JSON: nested deeper than any representation is (what is kept of
 * it is written out again, by recursion), or with U+0000, which PostgreSQL's text cannot hold.
 */

const depthMax = 32

/** A sentence part about the value, or undefined. */
export function jsonProblem(json: unknown): string | undefined {
  let level: unknown[] = [json]
  for (let depth = 0; level.length > 0; depth += 1) {
    if (depth > depthMax) return `nests deeper than ${depthMax} levels`
    if (level.some((value) => typeof value === 'string' && value.includes('\0'))) return 'holds U+0000'
    level = level.flatMap(membersOf)
  }
  return undefined
}

/** Names count like values: they are stored too. */
function membersOf(value: unknown): readonly unknown[] {
  if (typeof value !== 'object' || value === null) return []
  return Array.isArray(value) ? value : Object.entries(value).flat()
}
