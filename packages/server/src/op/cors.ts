/**
 * CORS of the protocol endpoints that scripts call: token, userinfo, revocation, legacy sign-out. Origins are
 * those of the realm's clients; once the client is known, its own alone (KK-22, KR-12, KV-10).
 *
 * Credentials are allowed because keycloak-js sends `credentials: include`. None of these endpoints reads a
 * cookie, so nothing is given to an origin that it could not ask for without one. The authorization and end-session
 * pages never carry them (SEC-11): a script cannot read what they say.
 */
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Realm } from '../realm/realm.ts'
import type { Client } from '../rp/client.ts'
import { allowedOrigins, isOriginAllowed } from '../rp/web-origins.ts'

/** Seconds that a browser may keep the answer to a preflight. */
const preflightMaxAgeSeconds = 3600

function isCorsOrigin(realm: Realm, origin: string, client?: Client): boolean {
  if (client) return isOriginAllowed(client, origin)
  if (origin === 'null') return false
  const known = originsOf(realm)
  return known.has(origin) || known.has('*')
}

/** Headers for an answer to a script of `origin`; none for a foreign origin: the request itself still succeeds. */
export function corsHeaders(
  realm: Realm,
  origin: string | undefined,
  client?: Client,
): Readonly<Record<string, string>> {
  if (origin === undefined) return {}
  if (!isCorsOrigin(realm, origin, client)) return { vary: 'Origin' }
  return {
    vary: 'Origin',
    'access-control-allow-origin': origin,
    'access-control-allow-credentials': 'true',
    'access-control-expose-headers': 'WWW-Authenticate, Link',
  }
}

/** Sets the headers; called a second time, when the client is known, it takes back what that client does not allow. */
export function setCors(request: FastifyRequest, reply: FastifyReply, realm: Realm, client?: Client): void {
  const { origin } = request.headers
  if (origin === undefined) return
  for (const name of ['allow-origin', 'allow-credentials', 'expose-headers']) {
    reply.removeHeader(`access-control-${name}`)
  }
  reply.headers(corsHeaders(realm, origin, client))
}

/** Answers OPTIONS. A foreign origin gets no permission, and no reason. */
export function answerPreflight(request: FastifyRequest, reply: FastifyReply, realm: Realm): FastifyReply {
  setCors(request, reply, realm)
  if (reply.hasHeader('access-control-allow-origin')) {
    reply.headers({
      'access-control-allow-methods': 'GET, POST, OPTIONS',
      'access-control-allow-headers': 'Accept, Authorization, Content-Type, DPoP, Origin, X-Requested-With',
      'access-control-max-age': String(preflightMaxAgeSeconds),
    })
  }
  return reply.code(204).send()
}

const known = new WeakMap<Realm, ReadonlySet<string>>()

function originsOf(realm: Realm): ReadonlySet<string> {
  const kept = known.get(realm)
  if (kept) return kept
  const clients = [...realm.clients.values()].filter((client) => client.enabled && !client.isDeleted)
  const origins = new Set(clients.flatMap(allowedOrigins))
  known.set(realm, origins)
  return origins
}
