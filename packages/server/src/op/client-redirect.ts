/** `GET /realms/{realm}/clients/{client_id}/redirect`: a link to an application that survives its moving (KP-30). */
import type { FastifyInstance } from 'fastify'
import type { Client } from '../rp/client.ts'
import { type EndpointDeps, realmOf, sendError } from './endpoint.ts'

export function registerClientRedirect(app: FastifyInstance, deps: Pick<EndpointDeps, 'realms'>): void {
  app.get('/realms/:realm/clients/:clientId/redirect', async (request, reply) => {
    const realm = await realmOf(deps, request, reply)
    if (!realm) return reply
    const { clientId } = request.params as { clientId: string }
    const client = realm.clients.get(clientId)
    const address = client?.enabled && !client.isDeleted ? homeOf(client) : undefined
    return address === undefined
      ? sendError(reply, 404, 'not_found', 'This application has no address here.')
      : reply.redirect(address, 303)
  })
}

/** `baseUrl`, resolved on `rootUrl`; only the registration decides, nothing of the request. */
function homeOf({ baseUrl, rootUrl }: Client): string | undefined {
  const address = baseUrl?.startsWith('/') ? (rootUrl ?? '').replace(/\/$/, '') + baseUrl : baseUrl || rootUrl
  const url = address === undefined ? null : URL.parse(address)
  return url && (url.protocol === 'https:' || url.protocol === 'http:') ? url.href : undefined
}
