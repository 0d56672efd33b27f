/** `dateFrom` and `dateTo` of Keycloak's event queries: a day (`2026-11-22`) or milliseconds since 1970. */
import type { Instant } from '../ambient/clock.ts'

const dayMs = 24 * 60 * 60 * 1000

/** The instant at which the named day begins, or just after the one it ends, in UTC; undefined when unreadable. */
export function parseEventDate(text: string, edge: 'from' | 'until'): Instant | undefined {
  if (/^\d{1,16}$/.test(text)) return edge === 'from' ? Number(text) : Number(text) + 1
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text)) return undefined
  const begin = Date.parse(text)
  if (Number.isNaN(begin) || !new Date(begin).toISOString().startsWith(text)) return undefined
  return edge === 'from' ? begin : begin + dayMs
}

/** Both edges of a query's range; undefined when a given date cannot be read. */
export function dateRange({
  dateFrom,
  dateTo,
}: {
  readonly dateFrom?: string
  readonly dateTo?: string
}): { readonly from: Instant | undefined; readonly until: Instant | undefined } | undefined {
  const from = dateFrom ? parseEventDate(dateFrom, 'from') : undefined
  const until = dateTo ? parseEventDate(dateTo, 'until') : undefined
  return (dateFrom && from === undefined) || (dateTo && until === undefined) ? undefined : { from, until }
}
