/**
 * Files: nothing but node:http and openid-client. The whole life of a session at an application, sign-in,
 * sign-out and being told of a sign-out, without a framework.
 */

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import {
  applicationSettings,
  asset,
  createBreakSwitch,
  createLivePages,
  type Look,
  page,
  pageHeaders,
  startPageHeaders,
} from '@curfew-example/application'
import { createSeenTokens, verifyLogoutToken } from '@curfew-example/application/logout-token'
import { createSessions } from '@curfew-example/application/sessions'
import { createRemoteJWKSet } from 'jose'
import * as oidc from 'openid-client'

const look: Look = {
  name: 'Files',
  tagline: 'The documents of the house.',
  colour: '#0f6b5c',
  content:
    '<ul><li><strong>Plan of the third floor.pdf</strong> · 1.2 MB</li><li><strong>Travel expenses.ods</strong> · 48 kB</li><li><strong>Summer party.jpg</strong> · 3.4 MB</li></ul>',
}

const bodyBytesMax = 64 * 1024
const signInSeconds = 600

const { issuer, clientId, clientSecret, port, baseUrl } = applicationSettings({
  clientId: 'files',
  port: 8083,
})
const breakSwitch = createBreakSwitch()
const livePages = createLivePages()
const sessions = createSessions()
const seenTokens = createSeenTokens()

/** Sign-ins that began and have not come back, by `state`; the cookie binds each to its browser. */
const signIns = new Map<string, { nonce: string; codeVerifier: string; beganAt: number }>()

type Handler = (request: IncomingMessage, response: ServerResponse) => void | Promise<void>

const routes: Readonly<Record<string, Handler>> = {
  'GET /': (request, response) => {
    response.writeHead(200, pageHeaders).end(page(look, stateOf(request), breakSwitch.mode))
  },
  'GET /state': (request, response) => {
    const headers = { 'content-type': 'application/json', 'cache-control': 'no-store' }
    response.writeHead(200, { ...headers, ...startPageHeaders(request.headers.origin) })
    response.end(JSON.stringify(stateOf(request)))
  },
  'GET /live': (_request, response) => livePages.join(response),
  'GET /sign-in': signIn,
  'GET /callback': finishSignIn,
  'POST /sign-out': signOut,
  'POST /backchannel-logout': receiveLogoutToken,
  'POST /break': async (request, response) => {
    const { mode } = await formOf(request)
    if (breakSwitch.set(mode)) redirect(response, '/')
    else response.writeHead(400).end('No such mode.')
  },
}

async function signIn(_request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { config } = await server()
  forgetOldSignIns()
  const state = oidc.randomState()
  const begun = {
    nonce: oidc.randomNonce(),
    codeVerifier: oidc.randomPKCECodeVerifier(),
    beganAt: Date.now(),
  }
  signIns.set(state, begun)
  const address = oidc.buildAuthorizationUrl(config, {
    redirect_uri: `${baseUrl}/callback`,
    scope: 'openid profile email',
    state,
    nonce: begun.nonce,
    code_challenge: await oidc.calculatePKCECodeChallenge(begun.codeVerifier),
    code_challenge_method: 'S256',
  })
  redirect(response, address.href, cookie('files_sign_in', state, signInSeconds))
}

async function finishSignIn(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const state = cookieOf(request, 'files_sign_in') ?? ''
  const begun = signIns.get(state)
  signIns.delete(state)
  if (!begun) return redirect(response, '/')
  const { config } = await server()
  const tokens = await oidc.authorizationCodeGrant(config, new URL(request.url ?? '/', baseUrl), {
    expectedState: state,
    expectedNonce: begun.nonce,
    pkceCodeVerifier: begun.codeVerifier,
    idTokenExpected: true,
  })
  const claims = tokens.claims()
  if (!claims || !tokens.id_token) throw new Error('the server sent no ID Token')
  const id = sessions.start({
    sub: claims.sub,
    sid: typeof claims['sid'] === 'string' ? claims['sid'] : undefined,
    name: String(claims['name'] ?? claims['preferred_username'] ?? claims.sub),
    idToken: tokens.id_token,
  })
  const cookies = [cookie('files_sign_in', '', 0), ...(id === undefined ? [] : [cookie('files', id)])]
  redirect(response, '/', ...cookies)
}

async function signOut(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const id = cookieOf(request, 'files')
  const session = sessions.get(id)
  sessions.end(id)
  if (!session) return redirect(response, '/', cookie('files', '', 0))
  const { config } = await server()
  const address = oidc.buildEndSessionUrl(config, {
    id_token_hint: session.idToken,
    post_logout_redirect_uri: `${baseUrl}/`,
  })
  redirect(response, address.href, cookie('files', '', 0))
}

/** @see OpenID Connect Back-Channel Logout 1.0 §2.5–§2.8 */
async function receiveLogoutToken(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const form = await formOf(request)
  if (breakSwitch.answerInstead(response)) return
  const { keys } = await server()
  const result = await verifyLogoutToken({ issuer, clientId, keys, seenTokens }, form['logout_token'])
  const headers = { 'content-type': 'application/json', 'cache-control': 'no-store' }
  if (!result.ok) {
    const description = `${result.reason}: ${result.detail}`
    response
      .writeHead(400, headers)
      .end(JSON.stringify({ error: 'invalid_request', error_description: description }))
    return
  }
  sessions.endNamed(result)
  livePages.lookAgain()
  response.writeHead(200, headers).end()
}

let known: Promise<{ config: oidc.Configuration; keys: ReturnType<typeof createRemoteJWKSet> }> | undefined

/** What the server says of itself. Asked when it is first needed, and again if that failed. */
function server() {
  known ??= discover().catch((error: unknown) => {
    known = undefined
    throw error
  })
  return known
}

async function discover() {
  const execute = issuer.startsWith('http:') ? [oidc.allowInsecureRequests] : []
  const config = await oidc.discovery(new URL(issuer), clientId, clientSecret, undefined, { execute })
  const { jwks_uri: jwksUri } = config.serverMetadata()
  if (!jwksUri) throw new Error(`${issuer} publishes no jwks_uri`)
  return { config, keys: createRemoteJWKSet(new URL(jwksUri)) }
}

function forgetOldSignIns(): void {
  for (const [state, { beganAt }] of signIns) {
    if (beganAt + signInSeconds * 1000 < Date.now()) signIns.delete(state)
  }
}

function stateOf(request: IncomingMessage): { signedIn: boolean; name: string } {
  const session = sessions.get(cookieOf(request, 'files'))
  return { signedIn: session !== undefined, name: session?.name ?? '' }
}

function cookieOf(request: IncomingMessage, name: string): string | undefined {
  const pairs = (request.headers.cookie ?? '').split(';').map((pair) => pair.trim().split('='))
  return pairs.find(([key]) => key === name)?.[1]
}

function cookie(name: string, value: string, maxAgeSeconds?: number): string {
  const secure = baseUrl.startsWith('https:') ? '; Secure' : ''
  const maxAge = maxAgeSeconds === undefined ? '' : `; Max-Age=${maxAgeSeconds}`
  return `${name}=${value}; Path=/; HttpOnly; SameSite=Lax${maxAge}${secure}`
}

function redirect(response: ServerResponse, location: string, ...cookies: readonly string[]): void {
  response.writeHead(303, { location, 'set-cookie': [...cookies] }).end()
}

async function formOf(request: IncomingMessage): Promise<Readonly<Record<string, string>>> {
  const parts: Buffer[] = []
  let bytes = 0
  for await (const part of request as AsyncIterable<Buffer>) {
    bytes += part.length
    if (bytes > bodyBytesMax) throw new Error('the form is too large')
    parts.push(part)
  }
  return Object.fromEntries(new URLSearchParams(Buffer.concat(parts).toString('utf8')))
}

async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { pathname } = new URL(request.url ?? '/', baseUrl)
  const found = asset(pathname, look)
  if (found) return void response.writeHead(200, { 'content-type': found.type }).end(found.body)
  const handler = routes[`${request.method} ${pathname}`]
  if (handler) await handler(request, response)
  else response.writeHead(404).end('Not found')
}

const http = createServer((request, response) => {
  handle(request, response).catch((error: unknown) => {
    console.error(error)
    if (!response.headersSent) response.writeHead(500).end('Something went wrong. Try again.')
  })
})
http.listen(port, '127.0.0.1', () => console.log(`Files: ${baseUrl}`))

process.once('SIGTERM', () => {
  livePages.close()
  http.close()
  http.closeAllConnections()
})
