/**
 * The host side of the engine (engine.md §4): what it is handed, and what it is never handed. The engine sees
 * every URL relative to the realm, the issuer's own host name whatever the caller sent, and a form without empty
 * parameters and without a second copy of the client's secret.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { holdsNul } from '../http/holds-nul.ts'
import type { Realm } from '../realm/realm.ts'
import { corsHeaders } from './cors.ts'
import { normalizeAuthorization } from './normalize-authorization.ts'
import { normalizeForm } from './normalize-form.ts'
import { isForm, type ReadBody, readBody, replaceBody } from './request-body.ts'

export type Mounted =
  | {
      readonly kind: 'run'
      readonly req: IncomingMessage
      /** A browser that comes back from a page. */
      readonly isReturn: boolean
    }
  /** Answered already. */
  | { readonly kind: 'answered' }

const protocol = '/protocol/openid-connect'

/** Paths that the engine serves below a realm; everything else, `/logout` above all, never reaches it. */
const enginePaths = new Map<string, readonly string[]>([
  [`${protocol}/auth`, ['GET', 'HEAD', 'POST']],
  [`${protocol}/token`, ['POST', 'OPTIONS']],
  [`${protocol}/certs`, ['GET', 'HEAD', 'OPTIONS']],
  [`${protocol}/ext/par/request`, ['POST', 'OPTIONS']],
  ['/.well-known/openid-configuration', ['GET', 'HEAD', 'OPTIONS']],
  ['/.well-known/oauth-authorization-server', ['GET', 'HEAD', 'OPTIONS']],
])

/** `/auth/:uid`, where the browser returns to after the sign-in page. */
const resumePath = new RegExp(`^${protocol}/auth/[\\w-]+$`)

/** @param path below `/realms/{realm}`, with the query */
export async function mountRequest(
  req: IncomingMessage,
  res: ServerResponse,
  realm: Realm,
  path: string,
): Promise<Mounted> {
  setBaseHeaders(res, realm)
  const url = withQuery(realm, aliasOf(path))
  const pathname = url.split('?', 1)[0] as string
  const isReturn = resumePath.test(pathname)
  const methods = enginePaths.get(pathname) ?? (isReturn ? ['GET', 'HEAD'] : undefined)
  if (!methods)
    return answer(res, 404, { error: 'invalid_request', error_description: 'There is nothing here.' })
  const method = req.method ?? 'GET'
  if (!methods.includes(method)) return answerBadMethod(res, methods)
  setIssuerHost(req, realm, url)
  if (!pathname.startsWith(`${protocol}/auth`)) prepareApi(req, res, realm, pathname)
  if (method === 'OPTIONS') return answerPreflight(req, res)
  if (method !== 'POST') return { kind: 'run', req, isReturn }
  const isAuthorization = pathname === `${protocol}/auth`
  if (isAuthorization && !isForm(req.headers['content-type'])) return answerBadType(res)
  const body = await readBody(req)
  if (body.kind !== 'read') return answerBadBody(res, body)
  if (holdsNul(body.text)) return answer(res, 400, unreadable)
  if (isAuthorization) return redirectToGet(res, realm, url, body.text)
  const isPushed = pathname.endsWith('/par/request')
  const form = normalizeForm(realm, req.headers.authorization, body.text, isPushed)
  if (form.kind === 'refused') return answerTwoSecrets(res, realm)
  if (form.authorization !== undefined) req.headers.authorization = form.authorization
  return { kind: 'run', req: replaceBody(req, form.text), isReturn }
}

function answerTwoSecrets(res: ServerResponse, realm: Realm): Mounted {
  return answer(res, 401, invalidClient, { 'www-authenticate': `Basic realm="${realm.issuer}"` })
}

/** RFC 6749 §5.2: the engine would render a page for whoever accepts HTML; §5.1: nothing of tokens is kept. */
function prepareApi(req: IncomingMessage, res: ServerResponse, realm: Realm, pathname: string): void {
  setCors(req, res, realm)
  req.headers.accept = 'application/json'
  if (pathname === `${protocol}/token`) res.setHeader('pragma', 'no-cache')
}

function answerBadMethod(res: ServerResponse, allowed: readonly string[]): Mounted {
  res.setHeader('allow', allowed.join(', '))
  return answer(res, 405, { error: 'invalid_request', error_description: 'This method is not allowed here.' })
}

/** KP-03: Keycloak's entry to registration takes the parameters of `/auth` and, without registration, does the same. */
function aliasOf(path: string): string {
  return path.startsWith(`${protocol}/registrations`)
    ? path.replace(`${protocol}/registrations`, `${protocol}/auth`)
    : path
}

function withQuery(realm: Realm, url: string): string {
  const [pathname, query] = url.split('?', 2)
  if (pathname !== `${protocol}/auth` || !query) return url
  return `${pathname}?${normalizeAuthorization(realm, url.slice(pathname.length + 1).split('&')).join('&')}`
}

/** What the caller said of host and protocol is discarded: published addresses are the issuer's (edge 23). */
function setIssuerHost(req: IncomingMessage, realm: Realm, url: string): void {
  const issuer = new URL(realm.issuer)
  req.url = url
  Object.assign(req, { originalUrl: `${issuer.pathname}${url}` })
  req.headers.host = issuer.host
  req.headers['x-forwarded-host'] = issuer.host
  req.headers['x-forwarded-proto'] = issuer.protocol.slice(0, -1)
  delete req.headers['x-forwarded-for']
}

/** security.md, headers on HTML. The engine's own form of `form_post` carries a script, whose hash it adds itself. */
function setBaseHeaders(res: ServerResponse, realm: Realm): void {
  res.setHeader('x-content-type-options', 'nosniff')
  res.setHeader('referrer-policy', 'no-referrer')
  res.setHeader('x-frame-options', 'DENY')
  res.setHeader(
    'content-security-policy',
    "default-src 'none'; script-src 'none'; frame-ancestors 'none'; base-uri 'none'",
  )
  if (realm.issuer.startsWith('https:')) {
    res.setHeader('strict-transport-security', 'max-age=31536000; includeSubDomains')
  }
}

/** With any `access-control-*` header set, the engine stands aside (edge 26); a foreign origin gets no permission. */
function setCors(req: IncomingMessage, res: ServerResponse, realm: Realm): void {
  res.setHeader('access-control-expose-headers', 'WWW-Authenticate')
  for (const [name, value] of Object.entries(corsHeaders(realm, req.headers.origin)))
    res.setHeader(name, value)
}

function answerPreflight(req: IncomingMessage, res: ServerResponse): Mounted {
  if (res.hasHeader('access-control-allow-origin')) {
    res.setHeader('access-control-allow-methods', 'GET, POST, OPTIONS')
    res.setHeader(
      'access-control-allow-headers',
      'Accept, Authorization, Content-Type, DPoP, Origin, X-Requested-With',
    )
    res.setHeader('access-control-max-age', '3600')
  }
  req.resume()
  res.statusCode = 204
  res.end()
  return { kind: 'answered' }
}

/** OpenID Connect Core §3.1.2.1 asks for POST; the cookies are Lax, so the request is made again as a GET. */
function redirectToGet(res: ServerResponse, realm: Realm, url: string, form: string): Mounted {
  // a body may hold characters that no address and no header may
  const query = new URLSearchParams(form).toString()
  const target = `${realm.issuer}${url}${url.includes('?') ? '&' : '?'}${query}`
  // browsers and proxies cut longer addresses
  if (target.length > 16_000) {
    return answer(res, 400, { error: 'invalid_request', error_description: 'The request is too long.' })
  }
  res.statusCode = 303
  res.setHeader('location', target)
  res.setHeader('cache-control', 'no-store')
  res.end()
  return { kind: 'answered' }
}

const invalidClient = {
  error: 'invalid_client',
  error_description: 'The Authorization header and the body name different credentials.',
}

function answerBadBody(res: ServerResponse, body: Exclude<ReadBody, { kind: 'read' }>): Mounted {
  const status = body.kind === 'too_large' ? 413 : 400
  res.setHeader('connection', 'close')
  return answer(res, status, unreadable)
}

const unreadable = { error: 'invalid_request', error_description: 'The body cannot be read.' }

function answerBadType(res: ServerResponse): Mounted {
  res.setHeader('connection', 'close')
  return answer(res, 415, {
    error: 'invalid_request',
    error_description: 'Send the body as application/x-www-form-urlencoded.',
  })
}

function answer(
  res: ServerResponse,
  status: number,
  body: { readonly error: string; readonly error_description: string },
  headers: Readonly<Record<string, string>> = {},
): Mounted {
  res.statusCode = status
  res.setHeader('content-type', 'application/json')
  res.setHeader('cache-control', 'no-store')
  for (const [name, value] of Object.entries(headers)) res.setHeader(name, value)
  res.end(JSON.stringify(body))
  return { kind: 'answered' }
}
