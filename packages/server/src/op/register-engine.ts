/**
 * Hands the engine's paths over to it, body unread (engine.md §4). The scope has its own parser for every content
 * type, which reads nothing: whatever reads the body before the engine changes what the engine sees (edge 28).
 */
import { errorCodes, type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import { wantsPage } from '../http/http.ts'
import type { Realms } from '../realm/realm.ts'
import { protocolPath, realmOf } from './endpoint.ts'
import type { Op } from './op.ts'
import { bodyBytesMax, isForm } from './request-body.ts'

const paths = [
  `${protocolPath}/auth`,
  `${protocolPath}/auth/:uid`,
  `${protocolPath}/registrations`,
  `${protocolPath}/token`,
  `${protocolPath}/certs`,
  `${protocolPath}/ext/par/request`,
  '/realms/:realm/.well-known/openid-configuration',
  '/realms/:realm/.well-known/oauth-authorization-server',
]

export function registerEngine(
  app: FastifyInstance,
  deps: { readonly op: Op; readonly realms: Realms },
): void {
  app.register(async (scope) => {
    scope.removeAllContentTypeParsers()
    scope.addContentTypeParser('*', (_request, _body, done) => done(null, undefined))
    for (const url of paths) {
      scope.route({
        url,
        method: ['GET', 'HEAD', 'POST', 'OPTIONS', 'PUT', 'DELETE', 'PATCH'],
        exposeHeadRoute: false,
        handler: (request, reply) => handOver(deps, request, reply),
      })
    }
  })
}

async function handOver(
  deps: { readonly op: Op; readonly realms: Realms },
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  if (isNavigation(request)) {
    const { realm: name } = request.params as { realm: string }
    if (!(await deps.realms.byName(name))?.enabled) {
      reply.callNotFound()
      return reply
    }
    refuseOtherThanForm(request, reply)
  }
  const realm = await realmOf(deps, request, reply)
  if (!realm) return reply
  // the encoded name may be longer than the name: cut at the slash that follows it
  const start = request.url.indexOf('/', '/realms/'.length)
  const source = { ipAddress: request.ip, userAgent: request.headers['user-agent'] }
  reply.hijack()
  await deps.op.handle(request.raw, reply.raw, realm, request.url.slice(start), source)
  return reply
}

/** A person at a browser, who is owed a page; every other path of the engine is called by programs. */
function isNavigation(request: FastifyRequest): boolean {
  return /\/(auth|registrations)$/.test(request.routeOptions.url ?? '') && wantsPage(request)
}

/** Thrown here, while the answer is still ours, these become pages (OpenID Connect Core §3.1.2.1 allows forms alone). */
function refuseOtherThanForm(request: FastifyRequest, reply: FastifyReply): void {
  if (request.method !== 'POST') return
  const type = request.headers['content-type']
  reply.header('connection', 'close')
  if (!isForm(type)) throw new errorCodes.FST_ERR_CTP_INVALID_MEDIA_TYPE(type)
  if (Number(request.headers['content-length'] ?? 0) > bodyBytesMax)
    throw new errorCodes.FST_ERR_CTP_BODY_TOO_LARGE()
  reply.removeHeader('connection')
}
