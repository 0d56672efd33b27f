/** What a reverse proxy says about where a request came from, and what is wrong with it. */
import type { FastifyInstance } from 'fastify'
import type { Log } from '../ambient/log.ts'

/**
 * Some proxies write the port beside the address (`203.0.113.9:50123`): with it every connection would be another
 * source to the limit against guessing.
 */
export function withoutPorts(forwardedFor: string): string {
  return forwardedFor
    .split(',')
    .map((entry) =>
      entry
        .trim()
        .replace(/^(\d{1,3}(?:\.\d{1,3}){3}):\d+$/, '$1')
        .replace(/^\[([\da-f:.]+)\](?::\d+)?$/i, '$1'),
    )
    .join(', ')
}

/**
 * Reads the header before anything asks for the address. A header from somebody who is not trusted is not read;
 * that is said once, because behind such a proxy everybody is one source, and one person who guesses keeps all
 * others out (CVE-2024-1722).
 */
export function readForwardedFor(app: FastifyInstance, log: Log, isTrustSet: boolean): void {
  let isSaid = false
  app.addHook('onRequest', async (request) => {
    const given = request.headers['x-forwarded-for']
    if (typeof given !== 'string') return
    if (isTrustSet) request.headers['x-forwarded-for'] = withoutPorts(given)
    const peer = request.socket.remoteAddress
    if (isSaid || request.ip !== peer) return
    isSaid = true
    log.write('warn', 'http.proxy_not_trusted', {
      peer,
      setting: 'proxy.trusted',
      effect: 'X-Forwarded-For is not believed: everybody behind this address counts as one source',
    })
  })
}
