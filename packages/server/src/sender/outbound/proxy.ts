/**
 * The egress proxy: which one is used for a target, and the CONNECT tunnel through it. The hop to the proxy is
 * exempt from the guard, because the operator named it; the targets are judged as without a proxy.
 *
 * @see RFC 9110 §9.3.6 (CONNECT)
 */
import type { Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import type { Timer } from '../../ambient/timer.ts'
import type { OutboundTarget } from '../address-guard.ts'
import { openTcp } from './open-tcp.ts'
import { OutboundFailure } from './outbound-failure.ts'
import type { Resolve } from './resolve-host.ts'

export interface ProxySettings {
  /** For https targets. */
  readonly https: URL | undefined
  /** For plain http targets. */
  readonly http: URL | undefined
  /** Hosts that are called directly: `host`, `.domain`, `host:port`, an address, or `*` for all. */
  readonly exceptions: readonly string[]
  /**
   * Names are sent to the proxy unresolved, for networks in which only the proxy has DNS. The guard then judges
   * names, literal addresses and ports, and the proxy alone decides about resolved addresses. Default false.
   */
  readonly allowProxyToResolve: boolean
}

const answerBytesMax = 8_192
const tunnelTimeoutMs = 3_000

/** Reads HTTPS_PROXY, HTTP_PROXY and NO_PROXY (either case; the lower one wins, as in curl). */
export function proxyFromEnvironment(
  env: Readonly<Record<string, string | undefined>>,
): ProxySettings | undefined {
  const http = URL.parse(readVariable(env, 'HTTP_PROXY')) ?? undefined
  const https = URL.parse(readVariable(env, 'HTTPS_PROXY')) ?? undefined
  if (!http && !https) return undefined
  return { http, https, exceptions: proxyExceptions(env), allowProxyToResolve: false }
}

export function proxyExceptions(env: Readonly<Record<string, string | undefined>>): readonly string[] {
  const list = readVariable(env, 'NO_PROXY').split(',')
  return list.map((one) => one.trim().toLowerCase()).filter((one) => one !== '')
}

function readVariable(env: Readonly<Record<string, string | undefined>>, name: string): string {
  return env[name.toLowerCase()] ?? env[name] ?? ''
}

/** The proxy for one target, or undefined for a direct call. */
export function proxyFor(settings: ProxySettings | undefined, target: OutboundTarget): URL | undefined {
  if (!settings) return undefined
  const host = target.host.replace(/^\[|\]$/g, '').replace(/\.$/, '')
  const isExcepted = settings.exceptions.some((one) => {
    const name = one.replace(/^\*?\./, '.')
    if (one === '*' || one === host || one === `${host}:${target.port}`) return true
    return name.startsWith('.') && (host.endsWith(name) || host === name.slice(1))
  })
  if (isExcepted) return undefined
  return target.isPlainHttp ? settings.http : settings.https
}

/**
 * Opens a tunnel to `host:port`. A proxy that cannot be used fails with kind `proxy`, so that its outage does not
 * use up an application's tries; a 5xx answer means that the proxy could not reach the target, and counts.
 */
export async function openTunnel(
  deps: { readonly timer: Timer; readonly resolveProxy: Resolve },
  proxy: URL,
  host: string,
  port: number,
): Promise<Socket> {
  const socket = await openProxy(deps, proxy)
  const authority = `${host.includes(':') && !host.startsWith('[') ? `[${host}]` : host}:${port}`
  const credentials = `${decodeURIComponent(proxy.username)}:${decodeURIComponent(proxy.password)}`
  const authorization =
    proxy.username === ''
      ? ''
      : `Proxy-Authorization: Basic ${Buffer.from(credentials).toString('base64')}\r\n`
  socket.write(`CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\n${authorization}\r\n`)
  const status = await readStatus(deps, socket)
  if (status >= 200 && status < 300) return socket
  socket.destroy()
  throw statusFailure(status)
}

async function openProxy(
  deps: { readonly timer: Timer; readonly resolveProxy: Resolve },
  proxy: URL,
): Promise<Socket> {
  const isTls = proxy.protocol === 'https:'
  const host = proxy.hostname.replace(/^\[|\]$/g, '')
  try {
    const port = Number(proxy.port) || (isTls ? 443 : 80)
    const socket = await openTcp(deps, await deps.resolveProxy(host), port)
    return isTls ? await secure(deps, socket, host) : socket
  } catch (cause) {
    throw new OutboundFailure('proxy', 'net.proxy_error', `the proxy cannot be used: ${messageOf(cause)}`, {
      cause,
    })
  }
}

function secure(deps: { readonly timer: Timer }, socket: Socket, host: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const tls = connectTls({ socket, host, servername: host, minVersion: 'TLSv1.2' })
    const cancel = deps.timer.after(tunnelTimeoutMs, () => tls.destroy(new Error('no TLS answer in 3 s')))
    tls.once('secureConnect', () => {
      cancel()
      resolve(tls)
    })
    tls.once('error', (error) => {
      cancel()
      reject(error)
    })
  })
}

/** Reads the status line and headers of the proxy's answer; what follows belongs to the target. */
function readStatus(deps: { readonly timer: Timer }, socket: Socket): Promise<number> {
  return new Promise((resolve, reject) => {
    let head = Buffer.alloc(0)
    const finish = (): void => {
      cancel()
      socket.off('data', read).off('error', fail).off('end', end)
    }
    const fail = (cause: Error): void => {
      finish()
      socket.on('error', () => undefined).destroy()
      reject(
        new OutboundFailure('proxy', 'net.proxy_error', `the proxy broke off: ${cause.message}`, { cause }),
      )
    }
    const end = (): void => fail(new Error('connection closed'))
    const read = (chunk: Buffer): void => {
      head = Buffer.concat([head, chunk])
      const endsAt = head.indexOf('\r\n\r\n')
      if (endsAt < 0) {
        if (head.length > answerBytesMax) fail(new Error('answer too long'))
        return
      }
      finish()
      socket.pause()
      if (head.length > endsAt + 4) socket.unshift(head.subarray(endsAt + 4))
      resolve(Number(/^HTTP\/1\.[01] (\d{3})/.exec(head.toString('latin1'))?.[1] ?? 0))
    }
    const cancel = deps.timer.after(tunnelTimeoutMs, () => fail(new Error('no answer in 3 s')))
    socket.on('data', read).on('error', fail).on('end', end)
  })
}

function statusFailure(status: number): OutboundFailure {
  if (status === 407)
    return new OutboundFailure('proxy', 'net.proxy_auth', 'the proxy wants credentials (407)')
  if (status >= 500)
    return new OutboundFailure('no_answer', 'net.proxy_error', `the proxy answered ${status}`)
  return new OutboundFailure('proxy', 'net.proxy_refused', `the proxy answered ${status}`)
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause)
}
