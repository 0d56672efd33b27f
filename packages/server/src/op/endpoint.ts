/** What our protocol endpoints have in common: the realm of the path, the form, and errors as OAuth writes them. */
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Ambient } from '../ambient/ambient.ts'
import type { EventDeps } from '../event/record-event.ts'
import { type Parameters, readParameters } from '../http/parameters.ts'
import type { Realm, Realms } from '../realm/realm.ts'
import type { Store } from '../store/store.ts'

export interface EndpointDeps extends EventDeps {
  readonly store: Store
  readonly realms: Realms
  readonly ambient: Ambient
}

export const protocolPath = '/realms/:realm/protocol/openid-connect'

/** The realm that the path names; answers by itself, with Keycloak's words, when there is none to serve. */
export async function realmOf(
  { realms }: Pick<EndpointDeps, 'realms'>,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<Realm | undefined> {
  const { realm: name } = request.params as { realm: string }
  const realm = await realms.byName(name)
  if (realm?.enabled) return realm
  if (realm) reply.code(403).send({ error: 'access_denied', error_description: 'Realm not enabled' })
  else reply.code(404).send({ error: 'Realm does not exist' })
  return undefined
}

/** The body's parameters. No body is no parameter; one of another content type was refused before (415). */
export function readForm(request: FastifyRequest): Parameters {
  return request.body instanceof URLSearchParams
    ? readParameters(request.body)
    : { ok: true, values: Object.create(null) }
}

/** The query's parameters, with those that are sent twice seen. */
export function readQuery(request: FastifyRequest): Parameters {
  const mark = request.url.indexOf('?')
  return readParameters(new URLSearchParams(mark < 0 ? '' : request.url.slice(mark + 1)))
}

/** The error answer of RFC 6749 §5.2. */
export function sendError(
  reply: FastifyReply,
  status: 400 | 401 | 403 | 404,
  error: string,
  description: string,
): FastifyReply {
  return reply
    .code(status)
    .header('cache-control', 'no-store')
    .send({ error, error_description: description })
}

export function sendDuplicate(reply: FastifyReply, name: string): FastifyReply {
  return sendError(reply, 400, 'invalid_request', `The parameter ${printable(name)} was sent more than once.`)
}

/** The realm's name inside a challenge: a header carries printable ASCII alone (RFC 9110 §5.5, §11.5). */
export function challengeRealm({ name }: Pick<Realm, 'name'>): string {
  return `realm="${name.replaceAll(/[^ !#-[\]-~]/gu, (character) => encodeURIComponent(character))}"`
}

/** A name from outside, fit for RFC 6749's character set of error_description. */
function printable(name: string): string {
  return name.slice(0, 64).replaceAll(/[^\w.-]/g, '?')
}
