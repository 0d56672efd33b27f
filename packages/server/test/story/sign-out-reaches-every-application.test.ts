import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { request } from 'undici'
import { forEachDatabase } from '../support/database.ts'
import { type Receiver, startReceiver } from '../support/receiver.ts'
import type { Tokens } from '../support/relying-party.ts'
import { startWholeServer, type WholeServer } from '../support/whole-server.ts'

const applications = ['wiki', 'chat', 'files']
const bye = 'https://wiki.example/callback'

forEachDatabase('a person signs out at one of three applications', (database) => {
  let receiver: Receiver
  let world: WholeServer
  before(async () => {
    receiver = await startReceiver()
    const clients = applications.map((clientId) => ({ clientId, backchannelUrl: receiver.urlOf(clientId) }))
    world = await startWholeServer(database, { clients, usernames: ['alice', 'bob'] })
  })
  after(async () => {
    await world?.[Symbol.asyncDispose]()
    await receiver?.[Symbol.asyncDispose]()
  })

  async function userinfoStatus({ access_token }: Tokens): Promise<number> {
    const answer = await request(`${world.issuer}/protocol/openid-connect/userinfo`, {
      headers: { authorization: `Bearer ${access_token}` },
    })
    await answer.body.dump()
    return answer.statusCode
  }

  async function isActive(clientId: string, token: string): Promise<boolean> {
    const { body } = await world.rp(clientId).post('token/introspect', { token })
    return (body as { active: boolean }).active
  }

  test('with one password for all, each is told with its own sid, and the browser is back within 400 ms of the answer (BCL-15, SR-11, I1)', async () => {
    const agent = world.browser()
    const tokens = new Map<string, Tokens>()
    for (const clientId of applications) tokens.set(clientId, await world.rp(clientId).signIn(agent))
    const wiki = tokens.get('wiki') as Tokens
    const startedAt = performance.now()
    const answer = await agent.get(
      world
        .rp('wiki')
        .logoutUrl({ id_token_hint: wiki.id_token, post_logout_redirect_uri: bye, state: 'a state' }),
    )
    const tookMs = performance.now() - startedAt
    assert.equal(answer.status, 302)
    assert.equal(answer.location, `${bye}?state=a%20state`)
    assert.ok(tookMs < 400, `the browser waited ${tookMs} ms`)

    const told = await receiver.until(applications.length)
    assert.deepEqual(told.map(({ clientId }) => clientId).toSorted(), applications.toSorted())
    for (const { clientId, claims } of told) {
      assert.equal(claims.aud, clientId)
      assert.equal(claims['sid'], tokens.get(clientId)?.session_state)
    }
    assert.equal(new Set(told.map(({ claims }) => claims['sid'])).size, 3)
  })

  test('every token of the session is dead at refresh, userinfo and introspection, in all three applications (I1)', async () => {
    const agent = world.browser()
    const tokens = new Map<string, Tokens>()
    for (const clientId of applications) tokens.set(clientId, await world.rp(clientId).signIn(agent))
    for (const [clientId, one] of tokens) {
      assert.equal(await userinfoStatus(one), 200)
      assert.equal(await isActive(clientId, one.access_token), true)
      assert.equal(await isActive(clientId, one.refresh_token), true)
    }
    await agent.get(world.rp('chat').logoutUrl({ id_token_hint: (tokens.get('chat') as Tokens).id_token }))
    for (const [clientId, one] of tokens) {
      const refused = await world.rp(clientId).refresh(one.refresh_token)
      assert.deepEqual([refused.status, refused.body.error], [400, 'invalid_grant'])
      assert.equal(await userinfoStatus(one), 401)
      assert.equal(await isActive(clientId, one.access_token), false)
      assert.equal(await isActive(clientId, one.refresh_token), false)
    }
    const again = await agent.follow(await agent.get(world.rp('files').authorizationUrl()), world.issuer)
    assert.equal(again.location, undefined, 'files sends the person to the sign-in page')
    assert.match(again.text, /name="password"/)
  })

  test('a code that was not exchanged before the sign-out gets nothing after it (R4)', async () => {
    const agent = world.browser()
    const { id_token } = await world.rp('wiki').signIn(agent)
    const chat = world.rp('chat')
    const callback = await agent.follow(await agent.get(chat.authorizationUrl()), world.issuer)
    assert.match(callback.location ?? '', /[?&]code=/)
    await agent.get(world.rp('wiki').logoutUrl({ id_token_hint: id_token }))
    const { status, body } = await chat.exchange(callback.location ?? '')
    assert.deepEqual([status, body.error], [400, 'invalid_grant'])
  })

  test('another person and the same person on another device stay signed in', async () => {
    const [here, there, somebody] = [world.browser(), world.browser(), world.browser()]
    const ended = await world.rp('wiki').signIn(here)
    const kept = await world.rp('wiki').signIn(there)
    const others = await world.rp('wiki').signIn(somebody, 'bob')
    await here.get(world.rp('wiki').logoutUrl({ id_token_hint: ended.id_token }))
    assert.equal((await world.rp('wiki').refresh(ended.refresh_token)).status, 400)
    assert.equal(await userinfoStatus(kept), 200)
    assert.equal((await world.rp('wiki').refresh(kept.refresh_token)).status, 200)
    assert.equal((await world.rp('wiki').refresh(others.refresh_token)).status, 200)
    await world.rp('chat').signIn(there)
    const sids = (await receiver.until(1)).map(({ claims }) => claims['sid'])
    assert.ok(!sids.includes(kept.session_state) && !sids.includes(others.session_state))
  })
})
