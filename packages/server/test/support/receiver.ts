/**
 * Applications that are told of sign-outs: one HTTP server, one path for each client, behaving well or badly as
 * a test says. Records every logout token that it was sent.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { decodeJwt, decodeProtectedHeader, type JWTPayload } from 'jose'

export interface ReceivedToken {
  readonly clientId: string
  readonly claims: JWTPayload
  readonly header: Record<string, unknown>
  readonly raw: string
  readonly contentType: string
  readonly at: number
}

/** A status to answer with, or a way to misbehave. */
export type Behaviour =
  | number
  | 'hang'
  | 'reset'
  | ((request: IncomingMessage, response: ServerResponse) => void)

export interface TokenFilter {
  readonly clientId?: string
  readonly sids?: readonly unknown[]
}

export interface Receiver extends AsyncDisposable {
  readonly port: number
  readonly received: readonly ReceivedToken[]
  urlOf(clientId: string): string
  behave(clientId: string, behaviour: Behaviour): void
  /** Resolves when `count` tokens of this client and these sids (or of all) have come; rejects after `timeoutMs`. */
  until(count: number, options?: TokenFilter & { timeoutMs?: number }): Promise<readonly ReceivedToken[]>
  close(): Promise<void>
}

export async function startReceiver(port = 0): Promise<Receiver> {
  const received: ReceivedToken[] = []
  const behaviours = new Map<string, Behaviour>()
  const waiting = new Set<() => void>()
  const server = createServer((request, response) => {
    void readBody(request).then((body) => {
      const clientId = decodeURIComponent((request.url ?? '/').split('/')[1] ?? '')
      const raw = new URLSearchParams(body).get('logout_token')
      if (raw) {
        received.push({
          clientId,
          raw,
          claims: decodeJwt(raw),
          header: decodeProtectedHeader(raw) as Record<string, unknown>,
          contentType: request.headers['content-type'] ?? '',
          at: Date.now(),
        })
        for (const wake of waiting) wake()
      }
      answer(behaviours.get(clientId) ?? 200, request, response)
    })
  })
  await new Promise<void>((resolve, reject) =>
    server.once('error', reject).listen(port, '127.0.0.1', resolve),
  )
  const address = server.address() as { port: number }
  return {
    port: address.port,
    received,
    urlOf: (clientId) =>
      `http://127.0.0.1:${address.port}/${encodeURIComponent(clientId)}/backchannel-logout`,
    behave: (clientId, behaviour) => void behaviours.set(clientId, behaviour),
    async until(count, { clientId, sids, timeoutMs = 5000 } = {}) {
      const found = (): readonly ReceivedToken[] =>
        received.filter(
          (token) =>
            (clientId === undefined || token.clientId === clientId) &&
            (sids === undefined || sids.includes(token.claims['sid'])),
        )
      await new Promise<void>((resolve, reject) => {
        const giveUp = setTimeout(() => {
          waiting.delete(check)
          reject(new Error(`${found().length} of ${count} logout tokens came within ${timeoutMs} ms`))
        }, timeoutMs)
        const check = (): void => {
          if (found().length < count) return
          clearTimeout(giveUp)
          waiting.delete(check)
          resolve()
        }
        waiting.add(check)
        check()
      })
      return found()
    },
    close: () => closeServer(server),
    [Symbol.asyncDispose]: () => closeServer(server),
  }
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString('utf8')
}

function answer(behaviour: Behaviour, request: IncomingMessage, response: ServerResponse): void {
  if (typeof behaviour === 'function') behaviour(request, response)
  else if (behaviour === 'reset') request.socket.destroy()
  else if (behaviour !== 'hang') response.writeHead(behaviour, { 'cache-control': 'no-store' }).end()
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve())
    server.closeAllConnections()
  })
}
