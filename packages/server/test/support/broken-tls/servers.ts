/**
 * Servers that break the protocol rather than the certificate, each with the reason code that an attempt must give.
 */
import { createServer as createHttpServer } from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import { type AddressInfo, createServer as createTcpServer, type Server, type Socket } from 'node:net'
import { createSecureContext, type TlsOptions } from 'node:tls'
import { type Issued, issue } from './certificate.ts'

export interface RunningServer {
  readonly port: number
  close(): void
}

export interface BrokenServer {
  readonly title: string
  /** The scheme under which it is registered. Default `https`. */
  readonly scheme?: 'http'
  readonly reason: string
  /** Whether the request, or a part of it, may have reached the application. */
  readonly hadConnection: boolean
  start(): Promise<RunningServer>
}

/** `trustPem` is what the realm must trust, so that nothing but the protocol is wrong. */
export function makeBrokenServers(): {
  readonly servers: readonly BrokenServer[]
  readonly trustPem: readonly string[]
} {
  const root = issue({ name: 'Protocol Root', isCa: true })
  const leaf = issue({ name: 'crm.test', issuer: root, dns: ['crm.test'], purpose: 'server' })
  const broken = (
    title: string,
    reason: string,
    hadConnection: boolean,
    start: BrokenServer['start'],
  ): BrokenServer => ({
    title,
    reason,
    hadConnection,
    start,
  })
  const https = (options: TlsOptions) => () => startHttps(leaf, options)
  const tcp = (onConnection: (socket: Socket) => void) => () => startTcp(onConnection)
  const servers = [
    broken('plain HTTP on the TLS port', 'tls.plain_http', false, () =>
      run(createHttpServer((_request, response) => response.end('hello'))),
    ),
    broken(
      'SMTP on the TLS port',
      'tls.plain_http',
      false,
      tcp((socket) => socket.write('220 mail.test ESMTP ready\r\n')),
    ),
    { ...broken('TLS on the HTTP port', 'http.https_port', true, https({})), scheme: 'http' as const },
    broken(
      'TLS 1.1 and older only',
      'tls.protocol_version',
      false,
      https({ minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' }),
    ),
    broken(
      'no common cipher',
      'tls.no_common_cipher',
      false,
      https({ maxVersion: 'TLSv1.2', ciphers: 'AES128-GCM-SHA256' }),
    ),
    broken(
      'a client certificate wanted, TLS 1.2',
      'tls.client_cert_required',
      false,
      https({ maxVersion: 'TLSv1.2', requestCert: true, rejectUnauthorized: true, ca: root.pem }),
    ),
    broken(
      'a client certificate wanted, TLS 1.3',
      'tls.client_cert_required',
      false,
      https({ minVersion: 'TLSv1.3', requestCert: true, rejectUnauthorized: true, ca: root.pem }),
    ),
    broken('no site of that name, connection closed', 'tls.sni', false, https(onlySite('www.test', leaf))),
    broken(
      'no site of that name, alert 112',
      'tls.sni',
      false,
      tcp((socket) => alertAfterHello(socket, 112)),
    ),
    broken(
      'an alert that we offer nothing it accepts',
      'tls.no_common_cipher',
      false,
      tcp((socket) => alertAfterHello(socket, 40)),
    ),
    broken(
      'closed at once',
      'tls.closed',
      false,
      tcp((socket) => socket.destroy()),
    ),
    broken(
      'reset after the hello',
      'tls.closed',
      false,
      tcp((socket) => socket.once('data', () => socket.resetAndDestroy())),
    ),
    broken(
      'silent',
      'tls.silent',
      false,
      tcp(() => undefined),
    ),
    broken('slow headers', 'http.timeout', true, () =>
      run(createHttpsServer(identity(leaf), () => undefined)),
    ),
    broken('an empty reply', 'net.reset', true, () =>
      run(createHttpsServer(identity(leaf), (request) => request.socket.end())),
    ),
    broken('reset before the headers', 'net.reset', true, () =>
      run(createHttpsServer(identity(leaf), (request) => request.socket.destroy())),
    ),
    broken('an answer that is no HTTP', 'http.bad_answer', true, () =>
      run(createHttpsServer(identity(leaf), (request) => request.socket.end('SSH-2.0-OpenSSH_9.2\r\n'))),
    ),
    broken('headers without end', 'http.bad_answer', true, () =>
      run(
        createHttpsServer(identity(leaf), (request) =>
          request.socket.write(`HTTP/1.1 200 OK\r\nx: ${'a'.repeat(70_000)}`),
        ),
      ),
    ),
  ]
  return { servers, trustPem: [root.pem] }
}

function identity(leaf: Issued): { cert: string; key: string } {
  return { cert: leaf.pem, key: leaf.keyPem }
}

function startHttps(leaf: Issued, options: TlsOptions): Promise<RunningServer> {
  return run(
    createHttpsServer({ ...identity(leaf), ...options }, (_request, response) => response.end('hello')),
  )
}

/** A server that knows one site and hangs up on every other name, as an ingress without a matching rule. */
function onlySite(site: string, leaf: Issued): TlsOptions {
  return {
    SNICallback: (name, callback) =>
      name === site
        ? callback(null, createSecureContext(identity(leaf)))
        : callback(new Error('no such site')),
  }
}

function alertAfterHello(socket: Socket, alert: number): void {
  socket.once('data', () => socket.end(Buffer.from([21, 3, 3, 0, 2, 2, alert])))
}

function startTcp(onConnection: (socket: Socket) => void): Promise<RunningServer> {
  return run(createTcpServer(onConnection))
}

async function run(server: Server): Promise<RunningServer> {
  const open = new Set<Socket>()
  server.on('connection', (socket) => {
    open.add(socket)
    socket.on('error', () => undefined).on('close', () => open.delete(socket))
  })
  server.on('tlsClientError', () => undefined)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as AddressInfo).port,
    close() {
      server.close()
      for (const socket of open) socket.destroy()
    },
  }
}
