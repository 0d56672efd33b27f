/** Our endpoints beside the engine, with the tokens that the engine really issues. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { FastifyInstance, LightMyRequestResponse } from 'fastify'
import { createHttp } from '../../src/http/http.ts'
import { createClientKeys } from '../../src/op/client-keys.ts'
import { registerDiscovery } from '../../src/op/discovery.ts'
import { protocolPath, readForm } from '../../src/op/endpoint.ts'
import { registerIntrospection } from '../../src/op/introspection.ts'
import { legacyLogout } from '../../src/op/legacy-logout.ts'
import { registerEngine } from '../../src/op/register-engine.ts'
import { registerRevocation } from '../../src/op/revocation.ts'
import { registerUserinfo } from '../../src/op/userinfo.ts'
import { forEachDatabase, type TestDatabase } from '../support/database.ts'
import { type OpHost, startOpHost } from '../support/op-host.ts'
import { testSecret } from '../support/realm-export.ts'

const base = '/realms/test/protocol/openid-connect'

interface World extends AsyncDisposable {
  readonly host: OpHost
  readonly app: FastifyInstance
  post(path: string, form: Record<string, string>): Promise<LightMyRequestResponse>
  isActive(token: string): Promise<boolean>
  userinfo(token: string): Promise<LightMyRequestResponse>
}

async function openWorld(database: TestDatabase): Promise<World> {
  const store = await database.open()
  const host = await startOpHost({ store })
  const settings = { isPublicHttps: false, legacyAuthPath: false, trustedProxies: [] }
  const app = createHttp(host.deps.ambient, settings, (_request, reply) => reply.code(500).send())
  const deps = { ...host.deps, clientKeys: createClientKeys(host.deps.fetchJson) }
  registerEngine(app, { op: host.op, realms: deps.realms })
  registerUserinfo(app, deps)
  registerIntrospection(app, deps)
  registerRevocation(app, deps)
  registerDiscovery(app, deps)
  app.post(`${protocolPath}/logout`, async (request, reply) => {
    const form = readForm(request)
    return legacyLogout(deps, host.realm(), request, reply, form.ok ? form.values : {})
  })
  const post: World['post'] = (path, form) =>
    app.inject({
      method: 'POST',
      url: `${base}${path}`,
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      payload: new URLSearchParams({ client_id: 'wiki', client_secret: testSecret, ...form }).toString(),
    })
  return {
    host,
    app,
    post,
    isActive: async (token) => (await post('/token/introspect', { token })).json().active,
    userinfo: (token) =>
      app.inject({ url: `${base}/userinfo`, headers: { authorization: `Bearer ${token}` } }),
    async [Symbol.asyncDispose]() {
      await app.close()
      await host[Symbol.asyncDispose]()
      await store[Symbol.asyncDispose]()
    },
  }
}

forEachDatabase('our endpoints with tokens of the engine', (database) => {
  test('userinfo and introspection know the tokens of a sign-in, and userinfo names the same sub as the ID token', async () => {
    await using world = await openWorld(database)
    const tokens = await world.host.rp('wiki').signIn(world.host.browser())
    const answer = await world.userinfo(tokens.access_token)
    assert.equal(answer.statusCode, 200, answer.body)
    const { sub } = JSON.parse(Buffer.from(tokens.id_token.split('.')[1] as string, 'base64url').toString())
    assert.equal(answer.json().sub, sub)
    assert.equal(answer.json().email, 'alice@example.org')
    assert.equal(await world.isActive(tokens.access_token), true)
    assert.equal(await world.isActive(tokens.refresh_token), true)
  })

  test('KR-06, KK-03: after the legacy sign-out nothing of the session works, and a refresh is 400', async () => {
    await using world = await openWorld(database)
    const tokens = await world.host.rp('wiki').signIn(world.host.browser())
    const answer = await world.post('/logout', { refresh_token: tokens.refresh_token })
    assert.equal(answer.statusCode, 204, answer.body)
    assert.equal(await world.isActive(tokens.access_token), false)
    assert.equal(await world.isActive(tokens.refresh_token), false)
    assert.equal((await world.userinfo(tokens.access_token)).statusCode, 401)
    const refreshed = await world.host.rp('wiki').refresh(tokens.refresh_token)
    assert.deepEqual([refreshed.status, refreshed.body['error']], [400, 'invalid_grant'])
  })

  test('KV-01: a revoked application comes back in the same session, and its new tokens work', async () => {
    await using world = await openWorld(database)
    const browser = world.host.browser()
    const wiki = world.host.rp('wiki')
    const tokens = await wiki.signIn(browser)
    const chat = world.host.rp('chat')
    await chat.exchange((await browser.get(chat.authorizationUrl())).location as string)
    assert.equal((await world.post('/revoke', { token: tokens.refresh_token })).statusCode, 200)
    assert.equal(await world.isActive(tokens.access_token), false)
    assert.equal((await wiki.refresh(tokens.refresh_token)).status, 400)

    // revocation is by the second, as iat is
    await new Promise((resolve) => setTimeout(resolve, 1100))
    const page = await browser.get(wiki.authorizationUrl())
    assert.ok(page.location?.startsWith(wiki.redirectUri), page.text)
    const again = await wiki.exchange(page.location as string)
    assert.equal(again.status, 200, JSON.stringify(again.body))
    assert.equal(await world.isActive(again.body.access_token as string), true)
    assert.equal((await wiki.refresh(again.body.refresh_token as string)).status, 200)
  })

  test('META-01, KD-01: discovery has our endpoints, at both addresses', async () => {
    await using world = await openWorld(database)
    const { issuer } = world.host.realm()
    const oidc = (await world.app.inject({ url: '/realms/test/.well-known/openid-configuration' })).json()
    const oauth = await world.app.inject({ url: '/.well-known/oauth-authorization-server/realms/test' })
    assert.equal(oauth.statusCode, 200)
    assert.deepEqual(oauth.json(), oidc)
    assert.equal(oidc.issuer, issuer)
    assert.equal(oidc.end_session_endpoint, `${issuer}/protocol/openid-connect/logout`)
    assert.equal(oidc.introspection_endpoint, `${issuer}/protocol/openid-connect/token/introspect`)
    assert.equal(oidc.backchannel_logout_session_supported, true)
    assert.equal(oidc.authorization_response_iss_parameter_supported, true)
  })
})
