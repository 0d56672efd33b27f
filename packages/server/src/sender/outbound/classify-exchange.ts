/**
 * Names the failure of an exchange whose connection stood: reset, garbage instead of HTTP, a TLS alert that came
 * with the first read. Failures of the connector name themselves.
 */
import { reasonOfTlsError } from '../tls/tls-reason.ts'
import { OutboundFailure } from './outbound-failure.ts'

export function classifyExchangeError(error: Error & { code?: string }): OutboundFailure {
  if (error instanceof OutboundFailure) return error
  const code = error.code ?? ''
  const because = (reason: string): OutboundFailure =>
    new OutboundFailure('no_answer', reason, `${code === '' ? '' : `${code}: `}${error.message}`, {
      cause: error,
    })
  const tls = reasonOfTlsError(error)
  if (tls) return because(tls)
  if (error.name === 'HTTPParserError' || code === 'UND_ERR_HEADERS_OVERFLOW')
    return because('http.bad_answer')
  if (code === 'UND_ERR_SOCKET' && error.message === 'bad response') return because('http.bad_answer')
  if (code === 'ETIMEDOUT') return because('net.timeout')
  if (code === 'EHOSTUNREACH' || code === 'ENETUNREACH') return because('net.unreachable')
  if (code === 'ECONNRESET' || code === 'EPIPE' || code === 'UND_ERR_SOCKET') return because('net.reset')
  if (error.message === 'too many informational answers') return because('http.bad_answer')
  return because('internal.error')
}
