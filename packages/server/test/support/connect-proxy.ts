/** A CONNECT proxy, and what it was asked for. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import type { TestContext } from 'node:test'

export interface ConnectProxy {
  readonly url: URL
  /** `host:port` of every CONNECT. */
  readonly asked: readonly string[]
  readonly authorizations: readonly (string | undefined)[]
}

/** Tunnels, or answers every CONNECT with `refusal`. */
export async function connectProxyFor(t: TestContext, refusal?: string): Promise<ConnectProxy> {
  const asked: string[] = []
  const authorizations: (string | undefined)[] = []
  const open = new Set<Socket>()
  const server = createServer()
  server.on('connection', (socket: Socket) => open.add(socket.on('error', () => undefined)))
  server.on('connect', (request, client: Socket) => {
    asked.push(request.url ?? '')
    authorizations.push(request.headers['proxy-authorization'])
    if (refusal) {
      client.end(`HTTP/1.1 ${refusal}\r\ncontent-length: 0\r\n\r\n`)
      return
    }
    const port = Number((request.url ?? '').split(':').at(-1))
    const upstream = connect(port, '127.0.0.1', () => {
      client.write('HTTP/1.1 200 Connection established\r\nx-proxy: test\r\n\r\n')
      client.pipe(upstream).pipe(client)
    })
    open.add(upstream.on('error', () => client.destroy()))
    client.on('error', () => upstream.destroy())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    server.close()
    for (const socket of open) socket.destroy()
  })
  return { url: new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`), asked, authorizations }
}
