/** "Did you mean …?": the known name with the fewest changed letters, if it is near enough to be meant. */

/** A third of the letters may be wrong, four at most: `foo` does not mean `dev`. */
const distanceMax = 4

export function nearestName(written: string, known: readonly string[], prefix: string): string | undefined {
  const ranked = known
    .map((name) => ({ name, distance: editDistance(written.toLowerCase(), name.toLowerCase()) }))
    .sort((a, b) => a.distance - b.distance)
  const best = ranked[0]
  const allowed = Math.min(distanceMax, Math.ceil(written.length / 3))
  return best && best.distance <= allowed ? prefix + best.name : undefined
}

/** Levenshtein's distance, with two rows. */
function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i++) {
    const current = [i]
    for (let j = 1; j <= b.length; j++) {
      const substitution = (previous[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1)
      current[j] = Math.min(substitution, (previous[j] as number) + 1, (current[j - 1] as number) + 1)
    }
    previous = current
  }
  return previous[b.length] as number
}
