/**
 * Puts TLS on an open, pinned connection. Verification is always on; what failed is told by `diagnose-tls.ts`.
 */
import type { Socket } from 'node:net'
import { connect, type TLSSocket } from 'node:tls'
import type { Timer } from '../../ambient/timer.ts'
import { OutboundFailure } from '../outbound/outbound-failure.ts'
import type { Trust } from './trust.ts'

export const tlsTimeoutMs = 3_000

/**
 * Resolves when the peer is verified against `trust` and its certificate names `host`. Rejects with Node's error,
 * or with `tls.silent` when nothing answers the hello in 3 s.
 */
export function secureSocket(
  deps: { readonly timer: Timer },
  socket: Socket,
  host: string,
  trust: Trust,
): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const name = trust.serverName ?? host.replace(/^\[|\]$/g, '').replace(/\.$/, '')
    const secured = connect({
      socket,
      host: name,
      // RFC 6066 §3: an address is never sent as a server name. Node checks it against the certificate by `host`.
      ...(isLiteral(name) ? {} : { servername: name }),
      secureContext: trust.context,
      ALPNProtocols: ['http/1.1'],
    })
    const settle = (run: () => void): void => {
      cancel()
      secured.removeListener('error', fail)
      run()
    }
    const fail = (error: Error): void =>
      settle(() => {
        secured.on('error', () => undefined)
        secured.destroy()
        reject(error)
      })
    const cancel = deps.timer.after(tlsTimeoutMs, () =>
      fail(
        new OutboundFailure(
          'no_answer',
          'tls.silent',
          'the port is open, and nothing answered the TLS hello in 3 s',
        ),
      ),
    )
    secured.once('error', fail)
    secured.once('secureConnect', () => {
      if (secured.authorized) settle(() => resolve(keepFirstError(secured)))
      else
        fail(
          new OutboundFailure('no_answer', 'internal.error', 'an unverified connection was about to be used'),
        )
    })
  })
}

/**
 * Under TLS 1.3 the server refuses a missing client certificate after the handshake: an alert, then the end. The
 * end would replace the alert as the reason, so the alert ends the connection at once.
 */
function keepFirstError(secured: TLSSocket): TLSSocket {
  return secured.on('error', (error) => secured.destroy(error))
}

function isLiteral(name: string): boolean {
  return name.includes(':') || /^[\d.]+$/.test(name)
}
