/**
 * Documents that the server reads from applications: key sets, request objects, sector identifiers, metadata.
 */

import { classifyExchangeError } from './classify-exchange.ts'
import type { Exchanged } from './exchange.ts'
import { OutboundFailure } from './outbound-failure.ts'

export const documentBytesMax = 256 * 1024
/** Documents are wanted whole; the 10 s of the exchange bind as well. */
export const documentPatienceMs = 5_000

export type JsonResult =
  | { readonly ok: true; readonly json: unknown }
  | { readonly ok: false; readonly reason: string; readonly detail: string }

/** A complete 200 whose body is JSON. */
export function jsonOf(exchanged: Exchanged): JsonResult {
  if (exchanged.kind === 'failed') {
    const { reason, message } = classifyExchangeError(exchanged.error)
    return { ok: false, reason, detail: message }
  }
  const { status, body, isWhole } = exchanged
  if (status !== 200)
    return { ok: false, reason: 'http.unexpected_status', detail: `the answer was ${status}` }
  if (!isWhole)
    return {
      ok: false,
      reason: 'http.bad_answer',
      detail: `the document did not come whole or is over ${documentBytesMax} bytes`,
    }
  try {
    return { ok: true, json: JSON.parse(body.toString('utf8')) as unknown }
  } catch {
    return { ok: false, reason: 'http.bad_answer', detail: 'the document is not JSON' }
  }
}

/** As `fetch` answers: a `Response`, or a rejection with `TypeError` whose cause says why. */
export function responseOf(exchanged: Exchanged): Response {
  if (exchanged.kind === 'failed') {
    const cause = classifyExchangeError(exchanged.error)
    throw new TypeError(`fetch failed: ${cause.message}`, { cause })
  }
  const { status, body, isWhole } = exchanged
  if (!isWhole) {
    const cause = new OutboundFailure('no_answer', 'http.bad_answer', 'the document did not come whole')
    throw new TypeError('fetch failed: the document did not come whole', { cause })
  }
  const headers = new Headers()
  for (const [name, value] of Object.entries(exchanged.headers)) {
    for (const one of Array.isArray(value) ? value : [value ?? '']) headers.append(name, one)
  }
  const hasBody = status !== 204 && status !== 205 && status !== 304
  return new Response(hasBody ? new Uint8Array(body) : null, { status, headers })
}
