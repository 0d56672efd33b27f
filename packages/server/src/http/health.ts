/**
 * Health for load balancers and orchestrators (Keycloak's paths, experience.md §5.4). `live` never asks the
 * database: a process whose database is away must not be restarted for it.
 */
import type { FastifyInstance } from 'fastify'

export interface HealthChecks {
  /** Named checks; each throws when it fails. */
  readonly ready: Readonly<Record<string, () => Promise<void> | void>>
  /** False from the moment a stop was asked for: no new request is sent here. */
  isDraining(): boolean
}

export function registerHealth(app: FastifyInstance, checks: HealthChecks): void {
  app.get('/health/live', async () => ({ status: 'UP', checks: [] }))
  app.get('/health/started', async () => ({ status: 'UP', checks: [] }))
  app.get('/health/ready', async (_request, reply) => answer(checks, reply))
  app.get('/health', async (_request, reply) => answer(checks, reply))
}

async function answer(
  { ready, isDraining }: HealthChecks,
  reply: { code(status: number): unknown },
): Promise<{ status: string; checks: readonly { name: string; status: string }[] }> {
  const results = await Promise.all(
    Object.entries(ready).map(async ([name, check]) => {
      try {
        await check()
        return { name, status: 'UP' }
      } catch {
        return { name, status: 'DOWN' }
      }
    }),
  )
  if (isDraining()) results.push({ name: 'draining', status: 'DOWN' })
  const status = results.every((result) => result.status === 'UP') ? 'UP' : 'DOWN'
  if (status === 'DOWN') reply.code(503)
  return { status, checks: results }
}
