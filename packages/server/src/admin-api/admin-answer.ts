/** Answers in Keycloak's shapes (keycloak-dialect.md KQ-30, KQ-31, KK-32, KK-33, KK-44). */
import type { FastifyReply } from 'fastify'
import type { Realm } from '../realm/realm.ts'

/**
 * An error as Keycloak's clients read it: a conflict has `errorMessage`, everything else `error`, a refused body
 * both (KQ-31). keycloak-admin-client throws whichever it finds first, so both are sentences; `message` beside
 * them is what python-keycloak shows.
 */
export function refuse(
  reply: FastifyReply,
  status: 400 | 401 | 403 | 404 | 409 | 413 | 415 | 501,
  text: string,
  message = text,
): FastifyReply {
  const isAboutBody = status === 400 || status === 413 || status === 415
  const body = {
    ...(status === 409 ? {} : { error: text }),
    ...(status === 409 || isAboutBody ? { errorMessage: text } : {}),
    message,
  }
  return reply.code(status).type('application/json').send(body)
}

/** An error of Curfew's own resources. @see RFC 9457 §3 */
export function problem(
  reply: FastifyReply,
  status: 400 | 404 | 409 | 429,
  reason: string,
  detail: string,
): FastifyReply {
  const title = detail.split('. ')[0]
  const body = { type: `urn:curfew:${reason}`, title, status, detail }
  return reply.code(status).type('application/problem+json').send(JSON.stringify(body))
}

/** KQ-30: 201, empty, with the address of what was made; its last part is the id (KK-32). */
export function created(reply: FastifyReply, realm: Realm, path: string): FastifyReply {
  return reply
    .code(201)
    .header('location', `${adminBase(realm)}/${path}`)
    .send()
}

export function done(reply: FastifyReply): FastifyReply {
  return reply.code(204).send()
}

/** Where the sign-outs are that a call started. @see RFC 8288 §3 */
export function linkSignOut(reply: FastifyReply, realm: Realm, signOutId: string): void {
  reply.header('link', `<${adminBase(realm)}/sign-outs/${signOutId}>; rel="sign-outs"`)
}

/** `{base}/admin/realms/{realm}`, with the base that the realm's issuer has. */
function adminBase(realm: Realm): string {
  const base = realm.issuer.slice(0, realm.issuer.lastIndexOf('/realms/'))
  return `${base}/admin/realms/${encodeURIComponent(realm.name)}`
}

/** Password work is turned away before it queues without end. */
export function unavailable(reply: FastifyReply): FastifyReply {
  const text = 'The server is busy with passwords. Try again.'
  return reply.code(503).header('retry-after', '5').send({ error: 'temporarily_unavailable', message: text })
}
