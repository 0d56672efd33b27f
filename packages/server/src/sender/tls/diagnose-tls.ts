/**
 * Says why TLS could not be set up.
 */
import { OutboundFailure } from '../outbound/outbound-failure.ts'
import { reasonOfTlsError } from './tls-reason.ts'

export async function diagnoseTls(
  _deps: unknown,
  _plan: unknown,
  error: Error & { code?: string },
): Promise<OutboundFailure> {
  if (error instanceof OutboundFailure) return error
  return new OutboundFailure(
    'no_answer',
    reasonOfTlsError(error) ?? 'tls.closed',
    `${error.code}: ${error.message}`,
    { cause: error },
  )
}
