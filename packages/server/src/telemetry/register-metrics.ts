/** `GET /metrics`. */
import type { FastifyInstance } from 'fastify'
import type { Metrics } from './metrics.ts'

export function registerMetrics(app: FastifyInstance, { registry }: Metrics): void {
  app.get('/metrics', async (_request, reply) => {
    reply.header('content-type', registry.contentType)
    return registry.metrics()
  })
}
