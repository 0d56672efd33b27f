/** Keycloak's search by attribute: `q=department:sales city:"New York"`. */

/** Undefined when nothing is asked; what is no pair is left out, as Keycloak does. */
export function attributeQuery(q: string | undefined): Readonly<Record<string, string>> | undefined {
  if (q === undefined) return undefined
  const pairs = [...q.matchAll(/(?:"([^"]+)"|([^\s:"]+)):(?:"([^"]*)"|(\S+))/g)].slice(0, 10)
  return Object.fromEntries(pairs.map((pair) => [pair[1] ?? pair[2] ?? '', pair[3] ?? pair[4] ?? '']))
}
