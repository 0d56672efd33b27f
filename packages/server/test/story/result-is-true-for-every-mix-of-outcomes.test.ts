import assert from 'node:assert/strict'
import { test } from 'node:test'
import { request } from 'undici'
import { forEachDatabase } from '../support/database.ts'
import { startReceiver } from '../support/receiver.ts'
import type { UserAgent } from '../support/user-agent.ts'
import { startWholeServer } from '../support/whole-server.ts'

/** A hanging application is given up after 5 s, and asked again after 2. */
const settledWithinMs = 30_000

forEachDatabase(
  'a sign-out of five applications that answer 200, 500, 400, nothing, and cannot be told',
  (database) => {
    test('is shown as it is, without script and as a stream, from the first look to the last verdict (I9, experience.md §8.2)', async () => {
      await using receiver = await startReceiver()
      const told = ['wiki', 'chat', 'files', 'forum']
      const clients = [
        ...told.map((clientId) => ({ clientId, backchannelUrl: receiver.urlOf(clientId) })),
        { clientId: 'erp' },
      ]
      await using world = await startWholeServer(database, { clients })
      const agent = world.browser()
      for (const clientId of ['chat', 'files', 'forum', 'erp']) await world.rp(clientId).signIn(agent)
      const { id_token } = await world.rp('wiki').signIn(agent)
      world.pass(2000)
      receiver.behave('chat', 500)
      receiver.behave('files', 400)
      receiver.behave('forum', 'hang')
      const answer = await agent.get(world.rp('wiki').logoutUrl({ id_token_hint: id_token }))
      const result = answer.location ?? ''
      assert.match(result, /\/sign-out\/so_/)

      await untilState(agent, result, 'wiki', 'signed_out')
      await untilState(agent, result, 'chat', 'not_yet')
      const early = await statusOf(agent, result)
      assert.equal(early.states['forum'], 'signing_out')
      assert.equal(early.states['erp'], 'not_supported')
      assert.deepEqual([early.summary['total'], early.summary['done']], [5, 1])
      const page = await agent.get(result)
      assert.match(page.text, /<h1[^>]*>Signed out of 1 of 5 applications<\/h1>/)
      assert.match(page.text, /chat did not answer\. We keep trying for you\./)
      assert.match(page.text, /<noscript><meta http-equiv="refresh" content="\d+"><\/noscript>/)
      assert.doesNotMatch(page.text, /everywhere|\b500\b|127\.0\.0\.1:\d+\/(chat|files)/)

      const stream = readStream(agent, result)
      receiver.behave('chat', 200)
      receiver.behave('forum', 200)
      await untilState(agent, result, 'forum', 'signed_out', 15_000)
      // a refusal gets one more try, a minute later (SR-18)
      world.pass(61_000)
      const events = await stream
      assert.equal(events[0]?.name, 'snapshot')
      assert.equal(events.at(-1)?.name, 'end')
      const summary = events.findLast(({ name }) => name === 'summary')?.data
      const expected = { total: 5, done: 3, pending: 0, failed: 1, unsupported: 1 }
      assert.deepEqual(summary, expected)

      const late = await statusOf(agent, result)
      assert.deepEqual(late.states, {
        wiki: 'signed_out',
        chat: 'signed_out',
        forum: 'signed_out',
        files: 'could_not',
        erp: 'not_supported',
      })
      assert.deepEqual(late.summary, expected)
      const settled = await agent.get(result)
      assert.match(settled.text, /<h1[^>]*>Signed out of 3 of 5 applications<\/h1>/)
      assert.doesNotMatch(settled.text, /http-equiv="refresh"/)
    })
  },
)

interface Status {
  readonly states: Readonly<Record<string, string>>
  readonly summary: Readonly<Record<string, number>>
}

async function statusOf(agent: UserAgent, result: string): Promise<Status> {
  const { applications, summary } = JSON.parse((await agent.get(`${result}/status`)).text)
  const states = applications.map(({ name, state }: { name: string; state: string }) => [name, state])
  return { states: Object.fromEntries(states), summary }
}

async function untilState(
  agent: UserAgent,
  result: string,
  name: string,
  state: string,
  timeoutMs = 10_000,
): Promise<void> {
  const deadline = performance.now() + timeoutMs
  for (;;) {
    const { states } = await statusOf(agent, result)
    if (states[name] === state) return
    if (performance.now() > deadline) assert.fail(`${name} is ${states[name]}, not ${state}`)
    await new Promise((next) => setTimeout(next, 30))
  }
}

async function readStream(
  agent: UserAgent,
  result: string,
): Promise<readonly { name: string; data: unknown }[]> {
  const cookie = [...agent.cookies].map(([name, value]) => `${name}=${value}`).join('; ')
  const stream = await request(`${result}/events`, {
    headers: { cookie, accept: 'text/event-stream' },
    signal: AbortSignal.timeout(settledWithinMs),
  })
  let text = ''
  try {
    for await (const chunk of stream.body) {
      text += chunk
      if (/event: end\ndata: .*\n\n/.test(text)) break
    }
  } catch (cause) {
    throw new Error(`no end within ${settledWithinMs} ms:\n${text}`, { cause })
  }
  return [...text.matchAll(/event: (\w+)\ndata: (.*)\n\n/g)].map(([, name = '', data = '']) => ({
    name,
    data: JSON.parse(data),
  }))
}
