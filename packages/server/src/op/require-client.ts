/** Client authentication at an endpoint: the client, or the answer and the event of a refusal. */
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Instant } from '../ambient/clock.ts'
import type { EventType } from '../event/event.ts'
import { recordEventAlone } from '../event/record-event.ts'
import type { Realm } from '../realm/realm.ts'
import type { Client } from '../rp/client.ts'
import { authenticateClient, type ClientAuthenticationDeps, type ClientFault } from './authenticate-client.ts'
import { setCors } from './cors.ts'
import { challengeRealm, type EndpointDeps, sendError } from './endpoint.ts'
import { clientErrorWord, explainClientFault } from './explain-client-fault.ts'

export type ClientEndpointDeps = EndpointDeps & ClientAuthenticationDeps

/** The authenticated client. Otherwise answers 401 and records `…_ERROR` of this type (KE-17). */
export async function requireClient(
  deps: ClientEndpointDeps,
  realm: Realm,
  request: FastifyRequest,
  reply: FastifyReply,
  values: Readonly<Record<string, string>>,
  type: EventType,
  at: Instant,
): Promise<Client | undefined> {
  const { authorization } = request.headers
  const result = await authenticateClient(deps, realm, { authorization, values }, at)
  if (result.ok) {
    setCors(request, reply, realm, result.client)
    return result.client
  }
  const { fault, usedBasic } = result
  const clientId = 'clientId' in fault ? fault.clientId : undefined
  setCors(request, reply, realm, clientId === undefined ? undefined : realm.clients.get(clientId))
  void recordEventAlone(
    deps,
    deps.store,
    {
      type: `${type}_ERROR`,
      realm,
      clientId: eventClientId(realm, fault),
      accountId: undefined,
      sessionUid: undefined,
      ipAddress: request.ip,
      error: clientErrorWord(fault),
      details: {},
      explanation: explainClientFault(fault, realm.name),
    },
    at,
  )
  // RFC 6749 §5.2: a client that used the header is told the scheme
  if (usedBasic) reply.header('www-authenticate', `Basic ${challengeRealm(realm)}`)
  sendError(reply, 401, 'invalid_client', 'Invalid client or Invalid client credentials')
  return undefined
}

/** A name that no client has is the stranger's text, not ours to repeat. */
function eventClientId(realm: Realm, fault: ClientFault): string | undefined {
  return 'clientId' in fault && realm.clients.has(fault.clientId) ? fault.clientId : undefined
}
