import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { forEachDatabase } from '../support/database.ts'
import { type Receiver, startReceiver } from '../support/receiver.ts'
import type { Tokens } from '../support/relying-party.ts'
import type { UserAgent } from '../support/user-agent.ts'
import { startWholeServer, type WholeServer } from '../support/whole-server.ts'

/** Rounds of each race; the second request starts a little later in every round. */
const roundCount = 24
const stepMs = 1.5

forEachDatabase('a request that runs beside a sign-out of its session', (database) => {
  let receiver: Receiver
  let world: WholeServer
  before(async () => {
    receiver = await startReceiver()
    const clients = ['wiki', 'chat'].map((clientId) => ({
      clientId,
      backchannelUrl: receiver.urlOf(clientId),
    }))
    world = await startWholeServer(database, { clients })
  })
  after(async () => {
    await world?.[Symbol.asyncDispose]()
    await receiver?.[Symbol.asyncDispose]()
  })

  const pause = (round: number) => new Promise((next) => setTimeout(next, (round % 12) * stepMs))
  const signOut = (agent: UserAgent, { id_token }: Tokens) =>
    agent.get(world.rp('wiki').logoutUrl({ id_token_hint: id_token }))

  test('an exchange of a code is refused, or its application is told and its tokens are dead (R1)', async () => {
    const seen = { refused: 0, told: 0 }
    for (let round = 0; round < roundCount; round++) {
      const agent = world.browser()
      const wiki = await world.rp('wiki').signIn(agent)
      const chat = world.rp('chat')
      const callback = await agent.follow(await agent.get(chat.authorizationUrl()), world.issuer)
      const ended = signOut(agent, wiki)
      await pause(round)
      const { status, body } = await chat.exchange(callback.location ?? '')
      await ended
      if (status === 200) {
        await receiver.until(1, { clientId: 'chat', sids: [body.session_state] })
        assert.equal((await chat.refresh(body.refresh_token ?? '')).status, 400)
        seen.told++
      } else {
        assert.deepEqual([status, body.error], [400, 'invalid_grant'])
        seen.refused++
      }
    }
    assert.equal(seen.refused + seen.told, roundCount)
  })

  test('an authorization in another tab gets the sign-in page, or a code that is dead (R4)', async () => {
    for (let round = 0; round < roundCount; round++) {
      const agent = world.browser()
      const wiki = await world.rp('wiki').signIn(agent)
      const chat = world.rp('chat')
      const cookies = new Map(agent.cookies)
      const ended = signOut(agent, wiki)
      await pause(round)
      const tab = world.browser()
      for (const [name, value] of cookies) tab.cookies.set(name, value)
      const page = await tab.follow(await tab.get(chat.authorizationUrl()), world.issuer)
      await ended
      if (page.location === undefined) assert.match(page.text, /name="password"/)
      else {
        const { status, body } = await chat.exchange(page.location)
        assert.deepEqual([status, body.error], [400, 'invalid_grant'])
      }
    }
  })

  test('a new sign-in while the question of an older session is open: that one ends, the new one and its cookie stay (R5)', async () => {
    const agent = world.browser()
    const older = await world.rp('wiki').signIn(agent)
    const question = await agent.get(world.rp('wiki').logoutUrl())
    assert.equal(question.status, 200)
    const shared = new Map(agent.cookies)
    agent.cookies.clear()
    const newer = await world.rp('wiki').signIn(agent)
    const answered = await agent.submit(question, {}, { name: 'action', value: 'all' })
    assert.ok(answered.status < 500)
    assert.equal((await world.rp('wiki').refresh(newer.refresh_token)).status, 200, 'the new session lives')
    const silent = await agent.follow(
      await agent.get(world.rp('chat').authorizationUrl({ prompt: 'none' })),
      world.issuer,
    )
    assert.match(silent.location ?? '', /[?&]code=/, 'and its cookie')
    const other = world.browser()
    for (const [name, value] of shared) other.cookies.set(name, value)
    await signOut(other, older)
    assert.equal((await world.rp('wiki').refresh(older.refresh_token)).status, 400)
    assert.equal((await world.rp('wiki').refresh(newer.refresh_token)).status, 200)
  })

  test('a sign-out, twice at once, is one: one result for both, one notice for each application (R6)', async () => {
    for (let round = 0; round < roundCount; round++) {
      const agent = world.browser()
      const wiki = await world.rp('wiki').signIn(agent)
      const chat = await world.rp('chat').signIn(agent)
      // an application is not told within a second of its sign-in (SR-19)
      world.pass(2000)
      const again = world.browser()
      for (const [name, value] of agent.cookies) again.cookies.set(name, value)
      const answers = await Promise.all([signOut(agent, wiki), pause(round).then(() => signOut(again, wiki))])
      assert.deepEqual(
        answers.filter(({ status }) => status >= 400),
        [],
      )
      const results = answers.map(({ location }) => location).filter((location) => location !== undefined)
      assert.equal(new Set(results).size, 1, `one result: ${results}`)
      const sids = [wiki.session_state, chat.session_state]
      await receiver.until(2, { sids })
      const { count } = await world.server.store.read.db
        .selectFrom('delivery')
        .where('sid', 'in', sids)
        .select(({ fn }) => fn.countAll<number>().as('count'))
        .executeTakeFirstOrThrow()
      assert.equal(Number(count), 2)
    }
  })
})
