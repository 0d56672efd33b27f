import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { forEachDatabase } from '../../support/database.ts'
import type { UserAgent } from '../../support/user-agent.ts'
import { startWholeServer, type WholeServer } from '../../support/whole-server.ts'

const home = 'https://portal.example/'

forEachDatabase('the redirect_uri of Keycloak before 18 (keycloak-dialect.md §2.6)', (database) => {
  let world: WholeServer
  before(async () => {
    world = await startWholeServer(database, {
      clients: [
        {
          clientId: 'portal',
          redirectUri: 'https://portal.example/*',
          attributes: { 'post.logout.redirect.uris': '' },
          representation: { baseUrl: 'https://portal.example/start' },
        },
        { clientId: 'wiki', redirectUri: 'https://wiki.example/callback' },
        { clientId: 'chat', redirectUri: 'https://chat.example/callback' },
      ],
    })
  })
  after(() => world?.[Symbol.asyncDispose]())

  const signedIn = async (...clientIds: string[]): Promise<UserAgent> => {
    const agent = world.browser()
    for (const id of clientIds)
      await world.rp(id, id === 'portal' ? 'https://portal.example/oidc/' : undefined).signIn(agent)
    return agent
  }
  const logout = (agent: UserAgent, parameters: Record<string, string>) =>
    agent.get(world.rp('portal').logoutUrl(parameters))

  test('it asks, and after the answer goes back to the address of an application of this session (KL-50, KL-51, KL-52)', async () => {
    const agent = await signedIn('portal', 'wiki')
    const question = await logout(agent, { redirect_uri: home })
    assert.equal(question.status, 200)
    assert.match(question.text, /Sign out of 2 applications/)
    const answered = await agent.submit(question, {}, { name: 'action', value: 'all' })
    assert.equal(answered.status, 303)
    assert.equal(answered.location, home)
  })

  test('an address of an application that is not in this session is refused, with client_id as well (KL-52, KL-53)', async () => {
    const agent = await signedIn('portal')
    const refused = await logout(agent, { redirect_uri: 'https://wiki.example/callback' })
    assert.equal(refused.status, 400)
    assert.equal(world.errors().at(-1)?.error, 'invalid_redirect_uri')
    const named = await logout(agent, { redirect_uri: home, client_id: 'wiki' })
    assert.equal(named.status, 400)
  })

  test('without a session it is a link, never followed, and exact only (KL-53)', async () => {
    const exact = await logout(world.browser(), { redirect_uri: 'https://wiki.example/callback' })
    assert.equal(exact.status, 200)
    assert.match(exact.text, /href="https:\/\/wiki\.example\/callback"/)
    assert.equal((await logout(world.browser(), { redirect_uri: home })).status, 400)
    assert.equal((await logout(world.browser(), { redirect_uri: 'https://evil.example/' })).status, 400)
  })

  test('without a session the refusal says that nothing is open, and offers only the page that the application registered', async () => {
    const agent = world.browser()
    const page = await logout(agent, { redirect_uri: `${home}any/where?x=1` })
    assert.equal(page.status, 400)
    assert.match(page.text, /<h1[^>]*>You are signed out<\/h1>/)
    assert.match(page.text, /<a class="button" href="https:\/\/portal\.example\/start">Back to portal<\/a>/)
    assert.doesNotMatch(page.text, /any\/where|<form[^>]*logout-confirm|Sign out without/)
    const evil = await logout(agent, { redirect_uri: 'https://evil.example/' })
    assert.match(evil.text, /<h1[^>]*>You are signed out<\/h1>/)
    assert.doesNotMatch(evil.text, /evil|Back to/)
    const hint = await logout(agent, { id_token_hint: 'forged' })
    assert.equal(hint.status, 400)
    assert.doesNotMatch(hint.text, /still signed in/)
  })

  test('the modern parameter wins where both are sent', async () => {
    const agent = await signedIn('wiki')
    const question = await logout(agent, {
      client_id: 'wiki',
      redirect_uri: 'https://evil.example/',
      post_logout_redirect_uri: 'https://wiki.example/callback',
    })
    assert.equal(question.status, 200)
  })
})
