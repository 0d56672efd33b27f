/**
 * The line that Keycloak's operators grep for (keycloak-dialect.md §18.2, KE-30 to KE-34).
 */
import type { UserEvent } from './event.ts'

/** `needed` leaves plain values bare; `all` quotes every value, as newer Keycloak releases do (CURFEW_EVENT_LINE_QUOTES). */
export type EventLineQuotes = 'needed' | 'all'

/** Keeps one value of a hostile request from filling the log; longer values are cut and end in `…`. */
export const lineValueLengthMax = 1000

/** A name that the code chose, and a value that anybody may have chosen. */
export type LineField = readonly [name: string, value: string | undefined]

/**
 * One event as one line: `type`, `realmId`, `clientId`, `userId`, `ipAddress`, then `error`, the details in
 * their order, and the explanation last, which is always quoted. An absent id is the word `null` (KE-30).
 */
export function eventLine(event: Omit<UserEvent, 'realmName'>, quotes: EventLineQuotes = 'needed'): string {
  const fields: LineField[] = [
    ['type', event.type],
    ['realmId', event.realmId],
    ['clientId', event.clientId],
    ['userId', event.accountId],
    ['ipAddress', event.ipAddress],
  ]
  if (event.error !== undefined) fields.push(['error', event.error])
  for (const [name, value] of Object.entries(event.details)) {
    if (name !== 'explanation') fields.push([name, value])
  }
  const line = lineOfFields(fields, quotes)
  return event.explanation === undefined ? line : `${line}, explanation=${quoted(event.explanation)}`
}

/** `name=value, name=value`: no value can start a new line or a new field (KE-31). */
export function lineOfFields(fields: readonly LineField[], quotes: EventLineQuotes): string {
  return fields.map(([name, value]) => `${name}=${lineValue(value, quotes)}`).join(', ')
}

const bare = /^[A-Za-z0-9._:@/+-]+$/

/** KE-31: bare, or in double quotes; the bare word `null` is kept for what is absent. */
function lineValue(value: string | undefined, quotes: EventLineQuotes): string {
  if (quotes === 'all') return quoted(value ?? 'null')
  if (value === undefined) return 'null'
  return bare.test(value) && value !== 'null' && value.length <= lineValueLengthMax ? value : quoted(value)
}

// Beside the control characters, what some reader takes for a line end or uses to turn the text around.
const unsafe = /["\\\p{Cc}\u2028\u2029\p{Bidi_Control}\p{Cs}]/gu
const named: Readonly<Record<string, string>> = {
  '"': '\\"',
  '\\': '\\\\',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
}

function quoted(value: string): string {
  const cut = value.length > lineValueLengthMax ? `${value.slice(0, lineValueLengthMax)}…` : value
  return `"${cut.replace(unsafe, escaped)}"`
}

function escaped(character: string): string {
  return named[character] ?? `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
}
