import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type Administrator, adminEnvironment, signInAsAdministrator } from '../support/administrator.ts'
import { forEachDatabase } from '../support/database.ts'
import { type Receiver, startReceiver } from '../support/receiver.ts'
import { type ServerProcess, startServerProcess } from '../support/server-process.ts'
import { createUserAgent } from '../support/user-agent.ts'

forEachDatabase('an administrator with a script made for Keycloak', (database) => {
  let receiver: Receiver
  let server: ServerProcess
  let root: Administrator
  before(async () => {
    receiver = await startReceiver()
    const clients = ['wiki', 'chat'].map((clientId) => ({
      clientId,
      backchannelUrl: receiver.urlOf(clientId),
    }))
    const realm = { clients, usernames: ['alice', 'bob', 'alicent'] }
    server = await startServerProcess({ ...(await database.create()), realm, env: adminEnvironment })
    root = await signInAsAdministrator(server.url)
  })
  after(async () => {
    await server?.[Symbol.asyncDispose]()
    await receiver?.[Symbol.asyncDispose]()
  })

  async function idOf(username: string): Promise<string> {
    const { body } = await root.get(`test/users?username=${username}&exact=true`)
    assert.deepEqual(
      body.map((user: { username: string }) => user.username),
      [username],
    )
    return body[0].id
  }

  async function signIn(username: string) {
    await using agent = createUserAgent()
    const wiki = await server.rp('wiki').signIn(agent, username)
    const chat = await server.rp('chat').signIn(agent, username)
    return { wiki, chat, sids: [wiki.session_state, chat.session_state] }
  }

  test('signs out every session of one person, and every application of each is told (KQ-02, KQ-33)', async () => {
    const id = await idOf('alice')
    const [first, second, other] = [await signIn('alice'), await signIn('alice'), await signIn('bob')]
    const sessions = await root.get(`test/users/${id}/sessions`)
    assert.equal(sessions.body.length, 2)
    assert.deepEqual(Object.values(sessions.body[0].clients).toSorted(), ['chat', 'wiki'])

    const { status } = await root.post(`test/users/${id}/logout`)
    assert.equal(status, 204)
    await receiver.until(4, { sids: [...first.sids, ...second.sids] })
    assert.deepEqual((await root.get(`test/users/${id}/sessions`)).body, [])
    assert.equal((await server.rp('chat').refresh(second.chat.refresh_token)).status, 400)
    assert.equal((await server.rp('chat').refresh(other.chat.refresh_token)).status, 200)
  })

  test('ends one session and leaves the other; the answer links to the sign-out, which shows every try (KQ-01)', async () => {
    const id = await idOf('bob')
    const kept = await signIn('bob')
    const ended = await signIn('bob')
    receiver.behave('chat', 503)
    const answer = await root.delete(`test/sessions/${ended.wiki.session_state}`)
    assert.equal(answer.status, 204)
    const signOutId = /sign-outs\/(so_[\w-]+)/.exec(String(answer.headers['link']))?.[1]
    assert.ok(signOutId, String(answer.headers['link']))
    assert.equal((await server.rp('wiki').refresh(ended.wiki.refresh_token)).status, 400)
    assert.equal((await server.rp('wiki').refresh(kept.wiki.refresh_token)).status, 200)

    await untilChat(signOutId, 'pending', 1)
    receiver.behave('chat', 200)
    const told = await untilChat(signOutId, 'accepted', 2)
    assert.deepEqual(
      told.attempts.map(({ status }: { status: number }) => status),
      [503, 200],
    )
    const listed = await root.get('test/sign-outs')
    const one = listed.body.signOuts.find((signOut: { id: string }) => signOut.id === signOutId)
    assert.deepEqual(
      [one.cause, one.initiator, one.userId, one.applicationCount],
      ['administrator', 'admin', id, 2],
    )
    assert.deepEqual(one.deliveries, { accepted: 2 })
  })

  /** The delivery to chat, once it is in this state after so many tries. */
  async function untilChat(signOutId: string, state: string, attemptCount: number) {
    const deadline = performance.now() + 15_000
    for (;;) {
      const { body } = await root.get(`test/sign-outs/${signOutId}`)
      const chat = body.applications.find((one: { clientId: string }) => one.clientId === 'chat')
      const [delivery] = chat.deliveries
      if (delivery.state === state && delivery.attempts.length === attemptCount) return delivery
      if (performance.now() > deadline) assert.fail(JSON.stringify(delivery))
      await new Promise((next) => setTimeout(next, 50))
    }
  }

  test('reads who signed in and who was signed out among the events (KE-01, KE-42)', async () => {
    const id = await idOf('alicent')
    const { wiki } = await signIn('alicent')
    await root.delete(`test/sessions/${wiki.session_state}`)
    await server.rp('wiki').refresh(wiki.refresh_token)
    const path = `test/events?user=${id}&max=50`
    const typesOf = (events: readonly { type: string }[]): readonly string[] =>
      [...new Set(events.map(({ type }) => type))].toSorted()
    let { body } = await root.get(path)
    // the row of an error is written beside its answer, not before it
    for (let tryNumber = 0; tryNumber < 50 && typesOf(body).length < 4; tryNumber++)
      body = (await root.get(path)).body
    assert.deepEqual(typesOf(body), ['CODE_TO_TOKEN', 'LOGIN', 'LOGOUT', 'REFRESH_TOKEN_ERROR'])
    const signedOut = body.find((event: { type: string }) => event.type === 'LOGOUT')
    assert.equal(signedOut.userId, id)
    assert.equal(signedOut.details.cause, 'administrator')
    const refused = body.find((event: { type: string }) => event.type === 'REFRESH_TOKEN_ERROR')
    assert.equal(refused.error, 'invalid_token')
    assert.match(
      refused.details.explanation,
      /belongs to a session that ended at \d\d:\d\d by an administrator/,
    )
    const adminEvents = await root.get('test/admin-events')
    assert.equal(adminEvents.status, 200)
  })
})
