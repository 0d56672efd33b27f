/** Holes that other servers fell into and that no other test names (the list of the security requirements). */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { request } from 'undici'
import { issueSetupTicket } from '../../src/realm/setup-ticket.ts'
import { forEachDatabase } from '../support/database.ts'
import { openProtocolWorld } from '../support/protocol-world.ts'
import { type Receiver, startReceiver } from '../support/receiver.ts'
import { startServerProcess } from '../support/server-process.ts'
import { createUserAgent, type UserAgent } from '../support/user-agent.ts'
import { startWholeServer, type WholeServer } from '../support/whole-server.ts'

forEachDatabase('holes of others', (database) => {
  let receiver: Receiver
  let world: WholeServer
  before(async () => {
    receiver = await startReceiver()
    world = await startWholeServer(database, {
      usernames: ['alice', 'bob'],
      clients: [{ clientId: 'wiki' }, { clientId: 'chat', backchannelUrl: receiver.urlOf('chat') }],
    })
  })
  after(async () => {
    await world?.[Symbol.asyncDispose]()
    await receiver?.[Symbol.asyncDispose]()
  })

  const cookieOf = (agent: UserAgent): string | undefined =>
    [...agent.cookies].find(([name]) => name.startsWith('curfew-sid-'))?.[1]

  test('the next person at the same browser gets nothing of the one before, also when that sign-out came without cookies (CVE-2025-12390, CVE-2022-3916)', async () => {
    const wiki = world.rp('wiki')
    for (const isWithCookies of [true, false]) {
      const agent = world.browser()
      const hers = await wiki.signIn(agent, 'alice')
      const herCookie = cookieOf(agent)
      const out = wiki.logoutUrl({ id_token_hint: hers.id_token })
      if (isWithCookies) await agent.get(out)
      else await world.browser().get(out)
      const his = await wiki.signIn(agent, 'bob')
      assert.notEqual(his.session_state, hers.session_state)
      assert.notEqual(cookieOf(agent), herCookie)
      const refused = await wiki.refresh(hers.refresh_token)
      assert.deepEqual([refused.status, refused.body.error], [400, 'invalid_grant'])
      const { body } = await wiki.refresh(his.refresh_token)
      const claims = JSON.parse(Buffer.from(body.access_token?.split('.')[1] ?? '', 'base64url').toString())
      assert.equal(claims.preferred_username, 'bob')
    }
  })

  test('a request_uri, a request object and a key of the token’s own choice are never read (CVE-2020-10770, CVE-2026-1180)', async () => {
    const before = receiver.received.length
    const address = receiver.urlOf('request-uri')
    const agent = world.browser()
    const none = Buffer.from(JSON.stringify({ alg: 'RS256', jku: address, x5u: address })).toString(
      'base64url',
    )
    for (const extra of [{ request_uri: address }, { request: `${none}.e30.AAAA` }]) {
      const { location } = await agent.get(world.rp('wiki').authorizationUrl(extra))
      assert.match(location ?? '', /error=request(_uri)?_not_supported/)
    }
    const hint = await agent.get(world.rp('wiki').logoutUrl({ id_token_hint: `${none}.e30.AAAA` }))
    assert.equal(hint.status, 400)
    const bearer = await request(`${world.issuer}/protocol/openid-connect/userinfo`, {
      headers: { authorization: `Bearer ${none}.e30.AAAA` },
    })
    await bearer.body.dump()
    assert.equal(bearer.statusCode, 401)
    assert.equal(receiver.received.length, before)
  })

  test('a setup ticket makes one administrator, also when it is used twice at the same moment (CVE-2025-46815)', async () => {
    const { store, ambient } = world.server
    const ticket = await store.transact((tx) => issueSetupTicket(tx, ambient.random, ambient.clock.now()))
    const agent = world.browser()
    const use = (username: string) =>
      agent.post(`${world.url}/setup/${ticket}`, { username, password: 'a sentence of mine' })
    const statuses = (await Promise.all([use('first'), use('second')])).map(({ status }) => status)
    assert.deepEqual(statuses.sort(), [200, 400])
    assert.equal((await use('third')).status, 400)
  })

  test('a revocation that could not be stored is an error, and the token is good (CVE-2020-15223)', async () => {
    await using protocol = await openProtocolWorld(database)
    const session = await protocol.signIn(['wiki'])
    const token = await protocol.accessToken({ sid: session.sid('wiki') })
    const client = { client_id: 'wiki', client_secret: 'wiki-secret' }
    const rename = (from: string, to: string): Promise<void> =>
      protocol.store.transact((tx) => tx.db.schema.alterTable(from).renameTo(to).execute())
    await rename('revoked_token', 'away')
    const answer = await protocol.post('/revoke', { ...client, token })
    assert.ok(answer.statusCode >= 500, String(answer.statusCode))
    await rename('away', 'revoked_token')
    const introspected = await protocol.post('/token/introspect', { ...client, token })
    assert.equal(introspected.json().active, true)
  })

  test('what was revoked before a restart is revoked after it (CVE-2026-9802)', async () => {
    const created = await database.create()
    await using server = await startServerProcess({
      ...created,
      realm: { clients: [{ clientId: 'wiki' }, { clientId: 'chat' }] },
    })
    await using agent = createUserAgent()
    const [wiki, chat] = [server.rp('wiki'), server.rp('chat')]
    const revoked = await wiki.signIn(agent)
    const kept = await chat.signIn(agent)
    await wiki.post('revoke', { token: revoked.refresh_token })
    await chat.post('revoke', { token: kept.access_token })
    await server.stop()
    await server.restart()
    assert.equal((await wiki.refresh(revoked.refresh_token)).status, 400)
    for (const token of [revoked.access_token, kept.access_token]) {
      const { body } = await chat.post('token/introspect', { token })
      assert.deepEqual(body, { active: false })
    }
    assert.equal((await chat.refresh(kept.refresh_token)).status, 200)
  })
})
