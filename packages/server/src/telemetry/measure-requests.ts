/** Measures every request of an HTTP server, by the pattern of its address. */
import type { FastifyInstance } from 'fastify'
import type { Metrics } from './metrics.ts'

/** To be called before the routes are registered. */
export function measureRequests(app: FastifyInstance, metrics: Pick<Metrics, 'countRequest'>): void {
  app.addHook('onResponse', async (request, reply) => {
    metrics.countRequest({
      method: request.method,
      status: reply.statusCode,
      route: request.routeOptions.url,
      scheme: request.protocol,
      durationMs: reply.elapsedTime,
    })
  })
}
