/** Turns what a person wrote in a flag, a variable or a file into the type of the setting. */
import type { FoundValue } from './config.ts'

export type RawValue =
  | string
  | number
  | boolean
  | null
  | readonly unknown[]
  | { readonly [key: string]: unknown }

interface SettingShape {
  readonly type?: string
  readonly anyOf?: readonly { readonly const?: unknown }[]
  readonly minimum?: number
  readonly maximum?: number
}

/** @returns the value, or undefined after a problem was noted */
export function coerce(name: string, schema: object, found: FoundValue, problems: string[]): unknown {
  const shape = schema as SettingShape
  if (shape.anyOf) return choice(shape, found, problems)
  switch (shape.type ?? 'string') {
    case 'boolean':
      return asBoolean(found, problems)
    case 'integer':
      return asInteger(shape, found, problems)
    case 'array':
      return asList(found, problems)
    case 'object':
      return asObject(name, found, problems)
    default:
      return asText(found, problems)
  }
}

function choice({ anyOf }: SettingShape, { raw, spelling }: FoundValue, problems: string[]): unknown {
  const values = (anyOf ?? []).map((one) => one.const)
  if (values.includes(raw)) return raw
  problems.push(`${spelling} is "${String(raw)}"; it must be one of ${values.join(', ')}.`)
  return undefined
}

function asBoolean({ raw, spelling }: FoundValue, problems: string[]): boolean | undefined {
  if (raw === true || raw === 'true' || raw === '1') return true
  if (raw === false || raw === 'false' || raw === '0') return false
  problems.push(`${spelling} is "${String(raw)}"; it must be true or false.`)
  return undefined
}

function asInteger(
  shape: SettingShape,
  { raw, spelling }: FoundValue,
  problems: string[],
): number | undefined {
  const { minimum = Number.MIN_SAFE_INTEGER, maximum = Number.MAX_SAFE_INTEGER } = shape
  const value =
    typeof raw === 'number' ? raw : typeof raw === 'string' && /^-?\d+$/.test(raw) ? Number(raw) : Number.NaN
  if (Number.isInteger(value) && value >= minimum && value <= maximum) return value
  problems.push(`${spelling} is "${String(raw)}"; it must be a whole number from ${minimum} to ${maximum}.`)
  return undefined
}

/** A flag may be repeated; a variable separates its entries by blanks, because an entry may hold commas. */
function asList({ raw, spelling, source }: FoundValue, problems: string[]): readonly string[] | undefined {
  const entries = Array.isArray(raw) ? raw : source === 'environment' ? String(raw).split(/\s+/) : [raw]
  const texts = entries.filter((entry) => entry !== '')
  if (texts.every((entry) => typeof entry === 'string')) return texts as string[]
  problems.push(`${spelling} must be a list of texts.`)
  return undefined
}

function asObject(name: string, { raw, spelling }: FoundValue, problems: string[]): unknown {
  if (raw !== null && typeof raw === 'object' && !Array.isArray(raw)) return raw
  problems.push(`${spelling} must be an object; ${name} can be set in the configuration file only.`)
  return undefined
}

function asText({ raw, spelling }: FoundValue, problems: string[]): string | undefined {
  if (typeof raw === 'string' && raw !== '') return raw
  problems.push(`${spelling} must be a text${Array.isArray(raw) ? ', given once' : ''}.`)
  return undefined
}
