/**
 * Chat: Fastify with openid-client, and a receiver of logout tokens of its own. openid-client brings no receiver,
 * so this is what an application of this kind adds: check the token, end the sessions that it names.
 */
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
import cookies from '@fastify/cookie'
import forms from '@fastify/formbody'
import fastify, { type FastifyReply, type FastifyRequest } from 'fastify'
import { createRemoteJWKSet } from 'jose'
import * as oidc from 'openid-client'

const look: Look = {
  name: 'Chat',
  tagline: 'Quick questions, quick answers.',
  colour: '#7a3b8f',
  content:
    '<ul><li><strong>Bela</strong> · is the printer back?</li><li><strong>Noor</strong> · since ten, second floor</li><li><strong>Bela</strong> · you are the best</li></ul>',
}

const settings = applicationSettings({ clientId: 'chat', port: 8082 })
const { issuer, clientId, clientSecret, port, baseUrl } = settings
const breakSwitch = createBreakSwitch()
const livePages = createLivePages()
const sessions = createSessions()
const seenTokens = createSeenTokens()
const cookieOptions = {
  path: '/',
  httpOnly: true,
  sameSite: 'lax',
  secure: baseUrl.startsWith('https:'),
} as const

/** A sign-in that began in this browser; the cookie holds it until the person comes back. */
interface SignIn {
  readonly state: string
  readonly nonce: string
  readonly codeVerifier: string
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

const application = fastify({ forceCloseConnections: true })
await application.register(cookies, { secret: clientSecret })
await application.register(forms)

application.get('/', (request, reply) =>
  reply.headers(pageHeaders).send(page(look, stateOf(request), breakSwitch.mode)),
)

application.get('/state', (request, reply) =>
  reply
    .headers({ 'cache-control': 'no-store', ...startPageHeaders(request.headers.origin) })
    .send(stateOf(request)),
)

application.get('/live', (_request, reply) => {
  reply.hijack()
  livePages.join(reply.raw)
})

for (const pathname of ['/application.css', '/application.js', '/look.css']) {
  application.get(pathname, (_request, reply) => {
    const found = asset(pathname, look)
    return reply.type(found?.type ?? 'text/plain').send(found?.body)
  })
}

application.post<{ Body: { mode?: string } }>('/break', (request, reply) =>
  breakSwitch.set(request.body.mode) ? reply.redirect('/', 303) : reply.code(400).send('No such mode.'),
)

application.get('/sign-in', async (_request, reply) => {
  const { config } = await server()
  const signIn: SignIn = {
    state: oidc.randomState(),
    nonce: oidc.randomNonce(),
    codeVerifier: oidc.randomPKCECodeVerifier(),
  }
  reply.setCookie('chat_sign_in', JSON.stringify(signIn), { ...cookieOptions, signed: true, maxAge: 600 })
  const address = oidc.buildAuthorizationUrl(config, {
    redirect_uri: `${baseUrl}/callback`,
    scope: 'openid profile email',
    state: signIn.state,
    nonce: signIn.nonce,
    code_challenge: await oidc.calculatePKCECodeChallenge(signIn.codeVerifier),
    code_challenge_method: 'S256',
  })
  return reply.redirect(address.href)
})

application.get('/callback', async (request, reply) => {
  const signIn = signInOf(request)
  reply.clearCookie('chat_sign_in', cookieOptions)
  if (!signIn) return reply.redirect('/')
  const { config } = await server()
  const tokens = await oidc.authorizationCodeGrant(config, new URL(request.url, baseUrl), {
    expectedState: signIn.state,
    expectedNonce: signIn.nonce,
    pkceCodeVerifier: signIn.codeVerifier,
    idTokenExpected: true,
  })
  startSession(reply, tokens)
  return reply.redirect('/')
})

application.post('/sign-out', async (request, reply) => {
  const id = request.cookies['chat']
  const session = sessions.get(id)
  sessions.end(id)
  reply.clearCookie('chat', cookieOptions)
  if (!session) return reply.redirect('/', 303)
  const { config } = await server()
  const address = oidc.buildEndSessionUrl(config, {
    id_token_hint: session.idToken,
    post_logout_redirect_uri: `${baseUrl}/`,
  })
  return reply.redirect(address.href, 303)
})

application.post<{ Body: { logout_token?: unknown } | undefined }>(
  '/backchannel-logout',
  async (request, reply) => {
    if (breakSwitch.answerInstead(reply.raw)) return reply.hijack()
    const { keys } = await server()
    const result = await verifyLogoutToken({ issuer, clientId, keys, seenTokens }, request.body?.logout_token)
    reply.header('cache-control', 'no-store')
    if (!result.ok) {
      return reply
        .code(400)
        .send({ error: 'invalid_request', error_description: `${result.reason}: ${result.detail}` })
    }
    sessions.endNamed(result)
    livePages.lookAgain()
    return reply.code(200).send()
  },
)

function startSession(
  reply: FastifyReply,
  tokens: oidc.TokenEndpointResponse & oidc.TokenEndpointResponseHelpers,
): void {
  const claims = tokens.claims()
  if (!claims || !tokens.id_token) return
  const id = sessions.start({
    sub: claims.sub,
    sid: typeof claims['sid'] === 'string' ? claims['sid'] : undefined,
    name: String(claims['name'] ?? claims['preferred_username'] ?? claims.sub),
    idToken: tokens.id_token,
  })
  if (id !== undefined) reply.setCookie('chat', id, cookieOptions)
}

function signInOf(request: FastifyRequest): SignIn | undefined {
  const cookie = request.unsignCookie(request.cookies['chat_sign_in'] ?? '')
  return cookie.valid ? (JSON.parse(cookie.value) as SignIn) : undefined
}

function stateOf(request: FastifyRequest): { signedIn: boolean; name: string } {
  const session = sessions.get(request.cookies['chat'])
  return { signedIn: session !== undefined, name: session?.name ?? '' }
}

await application.listen({ port, host: '127.0.0.1' })
console.log(`Chat: ${baseUrl}`)

process.once('SIGTERM', () => {
  livePages.close()
  void application.close()
})
