/**
 * Our own HTTP: one Fastify instance with limits, error answers and security headers; every other folder adds
 * its routes to it.
 *
 * Invariants
 * - Bodies of the OAuth endpoints are forms and arrive as URLSearchParams, so that a parameter sent twice is seen.
 * - A fault of the database is 503 with Retry-After, never a success and never a stack on the wire.
 * - Every answer carries the headers of security.md ("Headers on HTML"); pages set their own policy.
 */
import Fastify, {
  errorCodes,
  type FastifyError,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
} from 'fastify'
import type { Ambient } from '../ambient/ambient.ts'
import { randomId } from '../ambient/random.ts'
import { isCurfewError } from '../errors.ts'
import { answerBroken } from './answer-broken.ts'
import { readForwardedFor } from './forwarded-for.ts'
import { holdsNul } from './holds-nul.ts'

export interface HttpSettings {
  /** True when the public address is https: HSTS is sent. */
  readonly isPublicHttps: boolean
  /** Answer below /auth as well (KP-40). */
  readonly legacyAuthPath: boolean
  /** Realms whose own address is below /auth answer there in any case (KP-42). */
  readonly isBelowAuth?: (realmName: string) => Promise<boolean>
  /** CIDRs of proxies whose X-Forwarded-For is believed. */
  readonly trustedProxies: readonly string[]
}

/** A sign-out hint is a JWT of a few KB; nothing that these endpoints read is longer than this. */
const bodyBytesMax = 64 * 1024

/** Renders a person's error page; handed in by compose, because `page/` stands beside this folder. */
export type RenderError = (request: FastifyRequest, reply: FastifyReply, error: PageError) => FastifyReply

export interface PageError {
  readonly status: 400 | 404 | 413 | 415 | 500 | 503
  readonly kind: 'bad_request' | 'not_found' | 'too_large' | 'media_type' | 'internal' | 'unavailable'
  /** For support: stands in the log beside the cause. */
  readonly reference: string
}

export function createHttp(
  ambient: Ambient,
  settings: HttpSettings,
  renderError: RenderError,
): FastifyInstance {
  const legacyRequests = new WeakSet<object>()
  const app = Fastify({
    bodyLimit: bodyBytesMax,
    requestTimeout: 30_000,
    connectionTimeout: 60_000,
    keepAliveTimeout: 72_000,
    trustProxy: settings.trustedProxies.length > 0 ? [...settings.trustedProxies] : false,
    routerOptions: { maxParamLength: 512, ignoreTrailingSlash: true },
    // a request id is for the log alone; it is not taken from the caller
    requestIdHeader: false,
    // an address that cannot be decoded has no route, and no hook runs for it
    frameworkErrors: (error, request, reply) => {
      setBaseHeaders(request, reply, settings)
      answerError(ambient, request, reply, error, renderError)
    },
    clientErrorHandler: answerBroken(baseHeaders(settings)),
    rewriteUrl(request) {
      const url = originForm(request.url ?? '/')
      const short = withoutLegacyPrefix(url)
      if (short !== url) legacyRequests.add(request)
      return short
    },
  })
  app.addContentTypeParser(
    'application/x-www-form-urlencoded',
    { parseAs: 'string', bodyLimit: bodyBytesMax },
    (_request, body, done) => parseForm(body as string, done),
  )
  readForwardedFor(app, ambient.log, settings.trustedProxies.length > 0)
  app.addHook('onRequest', async (request, reply) => {
    setBaseHeaders(request, reply, settings)
    if (holdsNul(request.url)) throw new errorCodes.FST_ERR_BAD_URL('with U+0000')
    if (!legacyRequests.has(request.raw) || (await isLegacyAllowed(request, settings))) return undefined
    return answerNotFound(ambient, request, reply, renderError)
  })
  app.setErrorHandler<FastifyError>((error, request, reply) =>
    answerError(ambient, request, reply, error, renderError),
  )
  app.setNotFoundHandler((request, reply) => answerNotFound(ambient, request, reply, renderError))
  return app
}

function parseForm(body: string, done: (error: Error | null, form?: URLSearchParams) => void): void {
  if (holdsNul(body)) done(new errorCodes.FST_ERR_VALIDATION('the body holds U+0000'))
  else done(null, new URLSearchParams(body))
}

/** Some proxies send the whole address; it means its path (RFC 9112 §3.2.2). */
function originForm(url: string): string {
  return url.replace(/^https?:\/\/[^/?#]*/i, '') || '/'
}

function baseHeaders({ isPublicHttps }: HttpSettings): Readonly<Record<string, string>> {
  return {
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
    'x-frame-options': 'DENY',
    'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
    'cache-control': 'no-store',
    ...(isPublicHttps ? { 'strict-transport-security': 'max-age=31536000; includeSubDomains' } : {}),
  }
}

function answerNotFound(
  ambient: Ambient,
  request: FastifyRequest,
  reply: FastifyReply,
  renderError: RenderError,
): FastifyReply {
  if (wantsPage(request))
    return renderError(request, reply, { status: 404, kind: 'not_found', reference: newReference(ambient) })
  return reply.code(404).send({ error: 'Not found', error_description: 'There is nothing at this address.' })
}

/** `/auth/realms/…` and `/auth/admin/…` answer exactly as without the prefix; no redirect, because a POST must survive. */
function withoutLegacyPrefix(url: string): string {
  return /^\/auth\/(realms|admin|resources)\//.test(url) ? url.slice('/auth'.length) : url
}

async function isLegacyAllowed(request: FastifyRequest, settings: HttpSettings): Promise<boolean> {
  if (settings.legacyAuthPath) return true
  const [, name] = /^\/(?:admin\/)?realms\/([^/?]+)/.exec(request.url) ?? []
  return name !== undefined && (await settings.isBelowAuth?.(decodeURIComponent(name))) === true
}

function setBaseHeaders(request: FastifyRequest, reply: FastifyReply, settings: HttpSettings): void {
  reply.headers(baseHeaders(settings))
  // an application may have opened a realm's pages in a popup and waits for it (docs/decisions/0012)
  if (!request.url.startsWith('/realms/')) reply.header('cross-origin-opener-policy', 'same-origin')
}

/** A browser's navigation asks for HTML; a library does not. */
export function wantsPage(request: FastifyRequest): boolean {
  return (request.headers.accept ?? '').includes('text/html')
}

function newReference(ambient: Ambient): string {
  return randomId(ambient.random, 'e_', 48)
}

function answerError(
  ambient: Ambient,
  request: FastifyRequest,
  reply: FastifyReply,
  error: FastifyError,
  renderError: RenderError,
): FastifyReply {
  const pageError = { ...classify(error), reference: newReference(ambient) }
  if (pageError.status >= 500) {
    ambient.log.write('error', 'http.request_failed', {
      reference: pageError.reference,
      method: request.method,
      // the address itself may hold a ticket, a hint or a code
      route: request.routeOptions.url,
      error: error.message,
      stack: pageError.kind === 'internal' ? error.stack : undefined,
    })
  }
  if (pageError.status === 503) reply.header('retry-after', '5')
  if (wantsPage(request)) return renderError(request, reply, pageError)
  return reply.code(pageError.status).send(wireError(pageError))
}

function classify(error: FastifyError): Omit<PageError, 'reference'> {
  if (isCurfewError(error, 'CURFEW_STORE_UNAVAILABLE')) return { status: 503, kind: 'unavailable' }
  if (error.statusCode === 413) return { status: 413, kind: 'too_large' }
  if (error.statusCode === 415) return { status: 415, kind: 'media_type' }
  if (error.statusCode !== undefined && error.statusCode < 500) return { status: 400, kind: 'bad_request' }
  return { status: 500, kind: 'internal' }
}

function wireError({ kind, reference }: PageError): Record<string, string> {
  switch (kind) {
    case 'unavailable':
      return {
        error: 'temporarily_unavailable',
        error_description: `The server cannot reach its database. Try again. Reference ${reference}.`,
      }
    case 'too_large':
      return {
        error: 'invalid_request',
        error_description: `The request is larger than ${bodyBytesMax / 1024} KB.`,
      }
    case 'media_type':
      return {
        error: 'invalid_request',
        error_description: 'Send the body as application/x-www-form-urlencoded.',
      }
    case 'bad_request':
    case 'not_found':
      return { error: 'invalid_request', error_description: 'The request cannot be read.' }
    case 'internal':
      return {
        error: 'server_error',
        error_description: `The server made a mistake. Reference ${reference}.`,
      }
  }
}
