/**
 * A plain http request that met a TLS port ends in many ways: a reset, silence, bytes that are no HTTP. The port
 * is asked for TLS once more, so that the reason says what is wrong with the address.
 */
import { readServerHello } from '../tls/read-server-hello.ts'
import { classifyExchangeError } from './classify-exchange.ts'
import type { Exchanged } from './exchange.ts'
import { type ConnectDeps, type ConnectPlan, planTransport } from './open-connection.ts'
import { OutboundFailure } from './outbound-failure.ts'

export async function explainPlainHttp(
  deps: ConnectDeps,
  planned: () => ConnectPlan,
  exchanged: Exchanged,
): Promise<Exchanged> {
  if (exchanged.kind === 'answered' || !exchanged.wasSent) return exchanged
  const plan = planned()
  if (!plan.target.isPlainHttp) return exchanged
  const { reason } = classifyExchangeError(exchanged.error)
  if (reason !== 'net.reset' && reason !== 'http.bad_answer') return exchanged
  try {
    const open = await planTransport(deps, plan)
    const hello = await readServerHello(deps, await open(), plan.literal ? undefined : plan.target.host)
    if (!hello.isTls) return exchanged
  } catch {
    return exchanged
  }
  const cause = exchanged.error
  const error = new OutboundFailure('no_answer', 'http.https_port', `the port speaks TLS: ${cause.message}`, {
    cause,
  })
  return { ...exchanged, error }
}
