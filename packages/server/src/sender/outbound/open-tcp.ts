/**
 * Opens a TCP connection to one of a few pinned addresses. Names never reach this file.
 */
import { connect, isIPv6, type Socket } from 'node:net'
import type { Timer } from '../../ambient/timer.ts'
import { OutboundFailure } from './outbound-failure.ts'

export const connectTimeoutMs = 3_000
/** The next address is tried when one has not answered after this time (RFC 8305 §5). */
const nextAddressAfterMs = 250
/** More addresses of one name than this are not tried. */
const addressesMax = 6

/**
 * Resolves with the first connection that opens; the others are closed. Fails after 3 s in all, or as soon as
 * every address has failed. Reasons: `net.refused`, `net.timeout`, `net.unreachable`, `net.reset`, `dns.only_ipv6`.
 */
export function openTcp(
  deps: { readonly timer: Timer },
  addresses: readonly string[],
  port: number,
  timeoutMs = connectTimeoutMs,
): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const queue = addresses.slice(0, addressesMax)
    const open = new Set<Socket>()
    let cancelNext = (): void => undefined
    let isSettled = false
    const settle = (run: () => void, kept?: Socket): void => {
      isSettled = true
      cancelNext()
      cancelAll()
      for (const socket of open) if (socket !== kept) socket.destroy()
      run()
    }
    const cancelAll = deps.timer.after(timeoutMs, () =>
      settle(() =>
        reject(new OutboundFailure('no_answer', 'net.timeout', `no connection in ${timeoutMs} ms`)),
      ),
    )
    const tryNext = (): void => {
      const address = queue.shift()
      if (isSettled || address === undefined) return
      cancelNext()
      const socket = connect({ host: address, port, noDelay: true })
      open.add(socket)
      socket.once('connect', () => {
        if (isSettled) return
        settle(() => resolve(socket), socket)
      })
      // Stays for the life of the socket: an error between two owners must not end the process.
      socket.on('error', (error: NodeJS.ErrnoException) => {
        open.delete(socket)
        if (isSettled) return
        if (queue.length > 0) tryNext()
        else if (open.size === 0) settle(() => reject(failureOf(error, addresses)))
      })
      if (queue.length > 0) cancelNext = deps.timer.after(nextAddressAfterMs, tryNext)
    }
    tryNext()
  })
}

function failureOf(error: NodeJS.ErrnoException, addresses: readonly string[]): OutboundFailure {
  return new OutboundFailure('no_answer', reasonOf(error, addresses), error.message, { cause: error })
}

function reasonOf(error: NodeJS.ErrnoException, addresses: readonly string[]): string {
  switch (error.code ?? '') {
    case 'ECONNREFUSED':
      return 'net.refused'
    case 'ETIMEDOUT':
      return 'net.timeout'
    case 'ENETUNREACH':
    case 'EADDRNOTAVAIL':
    case 'EAFNOSUPPORT':
      return addresses.every((address) => isIPv6(address)) ? 'dns.only_ipv6' : 'net.unreachable'
    case 'EHOSTUNREACH':
      return 'net.unreachable'
    default:
      return 'net.reset'
  }
}
