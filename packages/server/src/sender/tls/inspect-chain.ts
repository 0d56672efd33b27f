/**
 * The chain that a server presents, whether or not it can be verified. This is the only place that speaks TLS
 * without verification; it sends no request and never sees a token.
 */
import { X509Certificate } from 'node:crypto'
import type { Socket } from 'node:net'
import { connect, type DetailedPeerCertificate, type TLSSocket } from 'node:tls'
import type { Timer } from '../../ambient/timer.ts'
import { readServerHello } from './read-server-hello.ts'

export interface InspectDeps {
  readonly timer: Timer
  /** Opens one more guarded connection to the address of the attempt. */
  readonly open: () => Promise<Socket>
}

export interface ServedChain {
  /** The server's own certificate first. */
  readonly certificates: readonly X509Certificate[]
  /** False when it comes from Node, which leaves out certificates that do not chain. */
  readonly isExact: boolean
}

const inspectTimeoutMs = 2_000

/** undefined when the server shows no certificate. Never rejects. */
export async function inspectChain(
  deps: InspectDeps,
  serverName: string | undefined,
): Promise<ServedChain | undefined> {
  try {
    const hello = await readServerHello(deps, await deps.open(), serverName)
    const certificates = hello.certificates.map((der) => new X509Certificate(der))
    if (certificates.length > 0) return { certificates, isExact: true }
    // A server that speaks TLS 1.3 alone sends its chain encrypted.
    const socket = await openUnverified(deps, serverName)
    const walked = walk(socket.getPeerCertificate(true))
    socket.destroy()
    return walked.length > 0 ? { certificates: walked, isExact: false } : undefined
  } catch {
    return undefined
  }
}

/** True when a TLS handshake succeeds without naming a site. */
export async function answersWithoutName(deps: InspectDeps): Promise<boolean> {
  try {
    const socket = await openUnverified(deps, undefined)
    socket.destroy()
    return true
  } catch {
    return false
  }
}

async function openUnverified(deps: InspectDeps, serverName: string | undefined): Promise<TLSSocket> {
  const socket = await deps.open()
  return new Promise((resolve, reject) => {
    const tls = connect({
      socket,
      rejectUnauthorized: false,
      ...(serverName ? { servername: serverName } : {}),
    })
    const cancel = deps.timer.after(inspectTimeoutMs, () => tls.destroy(new Error('no TLS answer in 2 s')))
    tls.once('secureConnect', () => {
      cancel()
      resolve(tls)
    })
    tls.on('error', (error) => {
      cancel()
      socket.destroy()
      reject(error)
    })
  })
}

/** Node ends the chain with a certificate that names itself, and adds roots of its own store on the way. */
function walk(leaf: DetailedPeerCertificate): X509Certificate[] {
  const list: X509Certificate[] = []
  let current: DetailedPeerCertificate | undefined = leaf
  while (current?.raw && list.length < 10) {
    list.push(new X509Certificate(current.raw))
    current = current.issuerCertificate === current ? undefined : current.issuerCertificate
  }
  return list
}
