import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { auth } from 'express-openid-connect'

import { signInAsAdministrator } from '../support/administrator.ts'
import { testSecret } from '../support/realm-export.ts'
import type { UserAgent } from '../support/user-agent.ts'
import type { WholeServer } from '../support/whole-server.ts'
import { eventually, openSignedIn, startClientServer } from './client-server.ts'
import { session } from './express-session.ts'
import { startWebApplication, type WebApplication } from './web-application.ts'

describe('express-openid-connect 3.4.0, as its authors publish it', () => {
  let application: WebApplication
  let world: WholeServer
  before(async () => {
    application = await startWebApplication()
    const { url, routes } = application
    const wiki = {
      clientId: 'wiki',
      redirectUri: `${url}/*`,
      backchannelUrl: `${url}/backchannel-logout`,
      // both claims in one token would end every browser of the person (KK-61)
      attributes: { 'curfew.logout.token.sub': 'false' },
    }
    world = await startClientServer([wiki, { clientId: 'chat' }])
    routes.use(
      auth({
        issuerBaseURL: world.issuer,
        baseURL: url,
        clientID: 'wiki',
        clientSecret: testSecret,
        secret: 'cookies of the test, long enough',
        authRequired: false,
        idpLogout: true,
        authorizationParams: { response_type: 'code', scope: 'openid profile email' },
        // biome-ignore lint/suspicious/noExplicitAny: the two packages describe the same store in two ways
        session: { store: new session.MemoryStore() as any },
        backchannelLogout: true,
        enableTelemetry: false,
      }),
    )
    routes.get('/', (request, response) => {
      response.json({ isSignedIn: request.oidc.isAuthenticated(), user: request.oidc.user })
    })
  })
  after(async () => {
    await world?.[Symbol.asyncDispose]()
    await application?.[Symbol.asyncDispose]()
  })

  async function stateIn(agent: UserAgent): Promise<{ isSignedIn: boolean; user?: Record<string, unknown> }> {
    return JSON.parse((await agent.get(`${application.url}/`)).text)
  }
  const signIn = (agent: UserAgent) => openSignedIn(agent, `${application.url}/login`)

  test('signs in through our page and reads who it is', async () => {
    const agent = world.browser()
    assert.equal((await signIn(agent)).url, `${application.url}/`)
    const { isSignedIn, user } = await stateIn(agent)
    assert.equal(isSignedIn, true)
    assert.equal(user?.['preferred_username'], 'alice')
    assert.equal(user?.['email'], 'alice@example.org')
    assert.equal(
      typeof user?.['sid'],
      'string',
      'the ID token has the sid that a logout token will name (KK-10)',
    )
  })

  test('its session ends when the person signs out at another application, and only in that browser (KK-60)', async () => {
    const [here, there] = [world.browser(), world.browser()]
    await signIn(here)
    await signIn(there)
    const { id_token } = await world.rp('chat').signIn(here)
    await here.get(world.rp('chat').logoutUrl({ id_token_hint: id_token }))
    await eventually(async () => !(await stateIn(here)).isSignedIn)
    assert.equal((await stateIn(there)).isSignedIn, true)
  })

  test('its session ends when an administrator signs the person out, in every browser', async () => {
    const [here, there] = [world.browser(), world.browser()]
    await signIn(here)
    await signIn(there)
    const administrator = await signInAsAdministrator(world.url)
    const { body } = await administrator.get('test/users?username=alice&exact=true')
    const { status } = await administrator.post(`test/users/${body[0].id}/logout`)
    assert.equal(status, 204)
    await eventually(async () => !(await stateIn(here)).isSignedIn && !(await stateIn(there)).isSignedIn)
  })

  test('its own logout with idpLogout ends the session of the server and comes back', async () => {
    const agent = world.browser()
    await signIn(agent)
    const page = await agent.follow(await agent.get(`${application.url}/logout`), 'http')
    assert.equal(page.url, `${application.url}/`)
    assert.equal((await stateIn(agent)).isSignedIn, false)
    const again = await agent.follow(await agent.get(`${application.url}/login`), 'http')
    assert.match(again.text, /name="password"/)
  })
})
