import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import Keycloak from 'keycloak-connect'
import { signInAsAdministrator } from '../support/administrator.ts'
import { testSecret } from '../support/realm-export.ts'
import type { UserAgent } from '../support/user-agent.ts'
import type { WholeServer } from '../support/whole-server.ts'
import { eventually, openSignedIn, startClientServer } from './client-server.ts'
import { session } from './express-session.ts'
import { startWebApplication, type WebApplication } from './web-application.ts'

/** What the adapter puts on the request; its own types leave it out. */
interface Granted {
  readonly kauth?: {
    readonly grant?: { readonly access_token: { readonly content: Record<string, unknown>; token: string } }
  }
}

describe('keycloak-connect 26.1.1, as its authors publish it', () => {
  let application: WebApplication
  let world: WholeServer
  before(async () => {
    application = await startWebApplication()
    const { url, routes } = application
    const wiki = {
      clientId: 'wiki',
      redirectUri: `${url}/*`,
      representation: { adminUrl: `${url}/` },
    }
    world = await startClientServer([wiki, { clientId: 'chat' }], { accessTokenLifespan: 60 })
    const store = new session.MemoryStore()
    const keycloak = new Keycloak({ store }, {
      realm: 'test',
      'auth-server-url': world.url,
      'ssl-required': 'none',
      resource: 'wiki',
      'confidential-port': 0,
      credentials: { secret: testSecret },
      // biome-ignore lint/suspicious/noExplicitAny: its own types lack `credentials`
    } as any)
    routes.use(session({ secret: 'cookies of the test', resave: false, saveUninitialized: true, store }))
    routes.use(keycloak.middleware({ logout: '/logout', admin: '/' }))
    const who = ({ kauth }: Granted) => ({
      name: kauth?.grant?.access_token.content['preferred_username'] ?? null,
    })
    routes.get('/', (request, response) => void response.json(who(request as Granted)))
    routes.get(
      '/page',
      keycloak.protect(),
      (request, response) => void response.json(who(request as Granted)),
    )
    routes.get(
      '/check',
      keycloak.checkSso(),
      (request, response) => void response.json(who(request as Granted)),
    )
    routes.get('/validate', keycloak.protect(), async (request, response) => {
      const token = (request as Granted).kauth?.grant?.access_token
      // biome-ignore lint/suspicious/noExplicitAny: its own types ask for a Token where it takes one
      response.json({ isValid: Boolean(await keycloak.grantManager.validateAccessToken(token as any)) })
    })
  })
  after(async () => {
    await world?.[Symbol.asyncDispose]()
    await application?.[Symbol.asyncDispose]()
  })

  const nameIn = async (agent: UserAgent): Promise<string | null> =>
    JSON.parse((await agent.get(`${application.url}/`)).text).name
  const signIn = (agent: UserAgent) => openSignedIn(agent, `${application.url}/page?tab=2`)

  test('signs in with the page itself as redirect URI, without PKCE and nonce (KK-50, KK-51, KK-52)', async () => {
    const agent = world.browser()
    const page = await signIn(agent)
    assert.equal(page.text, '{"name":"alice"}')
    assert.equal(new URL(page.url).searchParams.get('tab'), '2')
    assert.equal(await nameIn(agent), 'alice')
  })

  test('check-sso comes back signed out without a page, and signed in where there is a session (KK-55)', async () => {
    const agent = world.browser()
    const out = await agent.follow(await agent.get(`${application.url}/check`), 'http')
    assert.equal(out.text, '{"name":null}')
    await world.rp('chat').signIn(agent)
    const other = await agent.follow(await agent.get(`${application.url}/page`), 'http')
    assert.equal(other.text, '{"name":"alice"}')
  })

  test('its session ends by k_logout when the person signs out at another application (KK-53, KK-57)', async () => {
    const agent = world.browser()
    await signIn(agent)
    const { id_token } = await world.rp('chat').signIn(agent)
    await agent.get(world.rp('chat').logoutUrl({ id_token_hint: id_token }))
    await eventually(async () => (await nameIn(agent)) === null)
  })

  test('each of its sessions ends that began in one session of the server (KK-53, KA-12)', async () => {
    const agent = world.browser()
    await signIn(agent)
    const first = agent.cookie('connect.sid') ?? ''
    agent.cookies.delete('connect.sid')
    await signIn(agent)
    const second = agent.cookie('connect.sid') ?? ''
    assert.notEqual(first, second)
    const { id_token } = await world.rp('chat').signIn(agent)
    await agent.get(world.rp('chat').logoutUrl({ id_token_hint: id_token }))
    for (const cookie of [second, first]) {
      agent.cookies.set('connect.sid', cookie)
      await eventually(async () => (await nameIn(agent)) === null)
    }
  })

  test('its session ends when an administrator signs the person out (KK-57)', async () => {
    const agent = world.browser()
    await openSignedIn(agent, `${application.url}/page`, 'bob')
    const administrator = await signInAsAdministrator(world.url)
    const { body } = await administrator.get('test/users?username=bob&exact=true')
    assert.equal((await administrator.post(`test/users/${body[0].id}/logout`)).status, 204)
    await eventually(async () => (await nameIn(agent)) === null)
  })

  test('its own logout ends the session of the server and comes back (KK-56)', async () => {
    const agent = world.browser()
    await signIn(agent)
    const page = await agent.follow(await agent.get(`${application.url}/logout`), 'http')
    assert.equal(page.url, `${application.url}/`)
    assert.equal(page.text, '{"name":null}')
    const again = await agent.follow(await agent.get(`${application.url}/page`), 'http')
    assert.match(again.text, /name="password"/)
    const bare = await agent.follow(await agent.get(`${application.url}/logout`), 'http')
    assert.ok(bare.url.startsWith(world.issuer), 'without a grant it stays with our page')
    assert.equal(bare.status, 200)
  })

  test('introspection with the secret in header and form says active (KK-05, KK-59)', async () => {
    const agent = world.browser()
    await signIn(agent)
    const { text } = await agent.get(`${application.url}/validate`)
    assert.equal(text, '{"isValid":true}')
  })
})
