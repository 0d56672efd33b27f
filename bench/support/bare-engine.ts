/**
 * The protocol engine alone, with its in-memory adapter and an automatic sign-in: what the protocol costs before
 * anything is stored. Run as a process of its own; prints its address.
 */
import { createServer } from 'node:http'
import { exportJWK, generateKeyPair } from 'jose'
import { Provider } from 'oidc-provider'

const algorithm = process.argv[2] === 'ES256' ? 'ES256' : 'RS256'
const port = Number(process.argv[3] ?? 0)
const { privateKey } = await generateKeyPair(algorithm, { extractable: true, modulusLength: 2048 })
const jwk = { ...(await exportJWK(privateKey)), kid: 'bench', alg: algorithm, use: 'sig' }

const server = createServer()
await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
const { port: listening } = server.address() as { port: number }
const issuer = `http://127.0.0.1:${listening}`

const client = {
  client_secret: 'a-secret-of-the-tests',
  redirect_uris: ['https://bench.example/callback'],
  grant_types: ['authorization_code', 'refresh_token', 'client_credentials'],
  response_types: ['code'] as const,
  id_token_signed_response_alg: algorithm as 'RS256',
  token_endpoint_auth_method: 'client_secret_post' as const,
}
const provider = new Provider(issuer, {
  clients: [{ ...client, client_id: 'bench', response_types: ['code'] }],
  jwks: { keys: [jwk] },
  cookies: { keys: ['bench'] },
  enabledJWA: { idTokenSigningAlgValues: [algorithm] },
  findAccount: (_ctx, id) => ({
    accountId: id,
    claims: () => ({ sub: id, email: `${id}@example.org`, name: id }),
  }),
  claims: { openid: ['sub'], email: ['email'], profile: ['name'] },
  features: {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    introspection: { enabled: true },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => 'urn:bench:realm',
      useGrantedResource: () => true,
      getResourceServerInfo: () => ({
        scope: 'openid profile email',
        accessTokenFormat: 'jwt',
        jwt: { sign: { alg: algorithm, kid: 'bench' } },
      }),
    },
  },
  interactions: { url: (_ctx, interaction) => `/sign-in/${interaction.uid}` },
  issueRefreshToken: () => true,
  async loadExistingGrant(ctx) {
    // one grant per session, or two authorizations at once would undo each other's codes
    const known = ctx.oidc.session?.grantIdFor(ctx.oidc.client!.clientId)
    const kept = known && (await ctx.oidc.provider.Grant.find(known))
    if (kept) return kept
    const grant = new ctx.oidc.provider.Grant({
      clientId: ctx.oidc.client!.clientId,
      accountId: ctx.oidc.session!.accountId!,
    })
    grant.addOIDCScope('openid profile email')
    grant.addResourceScope('urn:bench:realm', 'openid profile email')
    await grant.save()
    return grant
  },
})
const callback = provider.callback()
server.on('request', (request, response) => {
  if (!request.url?.startsWith('/sign-in/')) return void callback(request, response)
  void provider
    .interactionFinished(request, response, { login: { accountId: 'alice' } })
    .catch((error: Error) => {
      response.writeHead(500).end(error.message)
    })
})
process.stdout.write(`ready ${issuer}\n`)
process.on('SIGTERM', () => process.exit(0))
