/**
 * A bare oidc-provider that signs everybody in as Alice, and can post logout tokens: the smallest server on which
 * the example applications can prove themselves.
 */
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import { type ClientMetadata, Provider } from 'oidc-provider'

export interface BareServer {
  readonly issuer: string
  /** Signs what is given, over the defaults of a good logout token for this application. */
  logoutToken(
    clientId: string,
    claims: Record<string, unknown>,
    header?: Record<string, unknown>,
  ): Promise<string>
  [Symbol.asyncDispose](): Promise<void>
}

export interface BareClient {
  readonly clientId: string
  readonly clientSecret: string
  readonly baseUrl: string
  /** Default `/callback`. */
  readonly callbackPath?: string
}

export async function startBareServer(clients: readonly BareClient[]): Promise<BareServer> {
  const { privateKey } = await generateKeyPair('RS256', { extractable: true })
  const jwk = { ...(await exportJWK(privateKey)), kid: 'k1', alg: 'RS256', use: 'sig' }
  const http = createServer()
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
  const issuer = `http://localhost:${(http.address() as AddressInfo).port}`
  const provider = new Provider(issuer, {
    clients: clients.map(toMetadata),
    jwks: { keys: [jwk] },
    claims: { openid: ['sub', 'sid'], profile: ['name'], email: ['email'] },
    conformIdTokenClaims: false,
    cookies: { keys: ['only for tests'] },
    findAccount: (_context, accountId) => ({
      accountId,
      claims: () => ({
        sub: accountId,
        name: 'Alice Adams',
        email: 'alice@example.com',
        email_verified: true,
      }),
    }),
    features: {
      devInteractions: { enabled: false },
      rpInitiatedLogout: { enabled: true, logoutSource: confirmAtOnce },
    },
    interactions: { url: (_context, { uid }) => `/sign-in/${uid}` },
    pkce: { required: () => false },
    clientBasedCORS: () => false,
    loadExistingGrant: async (context) => {
      const { client, session, provider: engine } = context.oidc
      const grant = new engine.Grant({ clientId: client?.clientId, accountId: session?.accountId })
      grant.addOIDCScope('openid profile email')
      await grant.save()
      return grant
    },
  })
  const answer = provider.callback()
  http.on('request', (request, response) => {
    if (!request.url?.startsWith('/sign-in/')) return void answer(request, response)
    void provider.interactionFinished(request, response, { login: { accountId: 'alice' } })
  })
  return {
    issuer,
    logoutToken: (clientId, claims, header = {}) =>
      new SignJWT({ events: { [eventName]: {} }, jti: crypto.randomUUID(), ...claims })
        .setProtectedHeader({ alg: 'RS256', kid: 'k1', typ: 'logout+jwt', ...header })
        .setIssuer(issuer)
        .setAudience(clientId)
        .setIssuedAt()
        .setExpirationTime('2 minutes')
        .sign(privateKey),
    [Symbol.asyncDispose]: () => close(http),
  }
}

const eventName = 'http://schemas.openid.net/event/backchannel-logout'

function toMetadata({
  clientId,
  clientSecret,
  baseUrl,
  callbackPath = '/callback',
}: BareClient): ClientMetadata {
  return {
    client_id: clientId,
    client_secret: clientSecret,
    redirect_uris: [`${baseUrl}${callbackPath}`],
    post_logout_redirect_uris: [`${baseUrl}/`, baseUrl],
    token_endpoint_auth_method: clientId === 'wiki' ? 'client_secret_basic' : 'client_secret_post',
  }
}

/** Answers the question whether to sign out with a page that says so; the tests look at the application only. */
function confirmAtOnce(context: { body: unknown }, form: string): void {
  context.body = `<!doctype html><title>Sign out?</title>${form}`
}

function close(http: Server): Promise<void> {
  return new Promise((resolve) => {
    http.close(() => resolve())
    http.closeAllConnections()
  })
}
