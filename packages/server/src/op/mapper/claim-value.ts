/** How a stored text becomes a JSON value: the mapper settings `jsonType.label` and `multivalued`. */
import type { MapperConfig } from './mapper-kind.ts'

/**
 * The claim's value, or undefined when there is none or the text is not of the wanted type: the claim is then
 * left out, where Keycloak refuses the whole token.
 */
export function claimValue(config: MapperConfig, value: string | readonly string[] | undefined): unknown {
  if (value === undefined) return undefined
  const type = config['jsonType.label']
  if (typeof value === 'string') return convert(type, value)
  if (config['multivalued'] !== 'true') return value[0] === undefined ? undefined : convert(type, value[0])
  const list = value.map((text) => convert(type, text)).filter((item) => item !== undefined)
  return list.length > 0 ? list : undefined
}

function convert(type: string | undefined, text: string): unknown {
  if (type === 'boolean') return text.toLowerCase() === 'true'
  if (type === 'int' || type === 'long') return parseWhole(text)
  return type === 'JSON' ? parseJson(text) : text
}

function parseWhole(text: string): number | undefined {
  const number = /^[+-]?\d{1,16}$/.test(text) ? Number(text) : undefined
  return Number.isSafeInteger(number) ? number : undefined
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
