import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { request } from 'undici'
import { forEachDatabase } from '../support/database.ts'
import { type Receiver, startReceiver } from '../support/receiver.ts'
import type { Tokens } from '../support/relying-party.ts'
import type { Page, UserAgent } from '../support/user-agent.ts'
import { startWholeServer, type WholeServer } from '../support/whole-server.ts'

/** Two more than the page with the frames loads. */
const manyFramed = Array.from({ length: 52 }, (_, index) => `framed-${index}`)
const bye = 'https://wiki.example/callback'

forEachDatabase('the result of a sign-out (experience.md §8.2)', (database) => {
  let receiver: Receiver
  let world: WholeServer
  before(async () => {
    receiver = await startReceiver()
    const told = (clientId: string, attributes = {}) => ({
      clientId,
      backchannelUrl: receiver.urlOf(clientId),
      attributes,
    })
    world = await startWholeServer(database, {
      clients: [
        told('wiki'),
        told('chat'),
        told('files'),
        { clientId: 'erp' },
        told('watchful', { 'curfew.result.page': 'on-failure' }),
        told('shown', { 'curfew.result.page': 'always' }),
        {
          clientId: 'frontal',
          frontchannelLogout: true,
          attributes: { 'frontchannel.logout.url': 'https://frontal.example/out?a=b' },
        },
        ...manyFramed.map((clientId) => ({
          clientId,
          frontchannelLogout: true,
          attributes: { 'frontchannel.logout.url': `https://${clientId}.example/out` },
        })),
      ],
    })
  })
  after(async () => {
    await world?.[Symbol.asyncDispose]()
    await receiver?.[Symbol.asyncDispose]()
  })

  async function signOut(
    clientIds: readonly string[],
    parameters: Record<string, string> = {},
  ): Promise<{ agent: UserAgent; answer: Page }> {
    const agent = world.browser()
    let tokens: Tokens | undefined
    for (const clientId of clientIds.toReversed()) tokens = await world.rp(clientId).signIn(agent)
    world.pass(2000)
    const first = world.rp(clientIds[0] ?? '')
    return {
      agent,
      answer: await agent.get(first.logoutUrl({ id_token_hint: tokens?.id_token ?? '', ...parameters })),
    }
  }

  test('tells the truth about every application: signed out, not yet, not supported; counted, never "everywhere"', async () => {
    receiver.behave('chat', 503)
    const { agent, answer } = await signOut(['wiki', 'chat', 'erp'])
    const page = await agent.get(answer.location ?? '')
    assert.match(page.text, /<h1[^>]*>Signed out of 1 of 3 applications<\/h1>/)
    assert.match(page.text, /role="status">1 done · 1 trying again · 1 not supported</)
    assert.match(page.text, /chat did not answer\. We keep trying for you\./)
    assert.match(page.text, /Cannot be signed out from here\. Your session there ends by itself at <time/)
    assert.match(page.text, /On a shared computer, close all browser windows\./)
    assert.match(page.text, /You can close this page; we go on without it\./)
    assert.doesNotMatch(page.text, /everywhere|503|http\./)
    receiver.behave('chat', 200)
  })

  test('names the first six characters of the sign-out, which open nothing', async () => {
    const { agent, answer } = await signOut(['wiki'])
    const id = answer.location?.split('/').at(-1) ?? ''
    const page = await agent.get(answer.location ?? '')
    assert.ok(page.text.includes(`>${id.slice(0, 9)}<`))
    assert.equal((await agent.get(answer.location?.replace(id, id.slice(0, 9)) ?? '')).status, 404)
  })

  test('is shown to the browser that signed out, for 15 minutes, and to nobody else (§7.4)', async () => {
    const { agent, answer } = await signOut(['wiki'])
    const url = answer.location ?? ''
    const other = await signOut(['wiki'])
    for (const path of ['', '/status', '/events', '/frames']) {
      assert.equal((await world.browser().get(url + path)).status, 404)
      assert.equal((await other.agent.get(url + path)).status, 404, 'another sign-out’s cookie')
    }
    assert.match(
      String(answer.headers['set-cookie']),
      /Path=\/realms\/test\/sign-out\/so_[^;]+; Max-Age=900; HttpOnly; SameSite=Lax/,
    )
    assert.equal((await agent.get(url)).status, 200)
    world.pass(900_001)
    assert.equal((await agent.get(url)).status, 404)
  })

  test('as JSON for polling, it has the six words and plain sentences, no reason and no person', async () => {
    const { agent, answer } = await signOut(['wiki', 'erp'])
    const status = JSON.parse((await agent.get(`${answer.location}/status`)).text)
    assert.deepEqual(status.summary, { total: 2, done: 1, pending: 0, failed: 0, unsupported: 1 })
    assert.deepEqual(
      status.applications.map((one: { name: string; state: string }) => [one.name, one.state]),
      [
        ['erp', 'not_supported'],
        ['wiki', 'signed_out'],
      ],
    )
    assert.doesNotMatch(JSON.stringify(status), /alice|reason|http/)
  })

  test('as a stream, it begins with a snapshot, tells each change, and ends when settled (§7.4)', async () => {
    receiver.behave('chat', 503)
    const { agent, answer } = await signOut(['wiki', 'chat'])
    const cookie = [...agent.cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    const stream = await request(`${answer.location}/events`, {
      headers: { cookie, accept: 'text/event-stream' },
    })
    assert.equal(stream.headers['content-type'], 'text/event-stream; charset=utf-8')
    assert.equal(stream.headers['x-accel-buffering'], 'no')
    let text = ''
    receiver.behave('chat', 200)
    for await (const chunk of stream.body) {
      text += chunk
      if (text.includes('event: end')) break
    }
    const events = [...text.matchAll(/id: (\d+)\nevent: (\w+)\ndata: (.*)\n\n/g)].map(
      ([, id, event, data]) => ({ id: Number(id), event, data: JSON.parse(data ?? '') }),
    )
    assert.equal(events[0]?.event, 'snapshot')
    assert.ok(text.startsWith('retry: 2000\n\n'))
    assert.deepEqual(
      events.map(({ id }) => id),
      events.map((_, index) => index + 1),
    )
    const apps = events.filter(({ event }) => event === 'app').map(({ data }) => [data.name, data.state])
    assert.deepEqual(apps.at(-1), ['chat', 'signed_out'])
    assert.deepEqual(events.findLast(({ event }) => event === 'summary')?.data, {
      total: 2,
      done: 2,
      pending: 0,
      failed: 0,
      unsupported: 0,
    })
    assert.equal(events.at(-1)?.event, 'end')
  })

  test('a stream does not keep the server from stopping', async () => {
    receiver.behave('chat', 503)
    await using other = await startWholeServer(database, {
      clients: [{ clientId: 'chat', backchannelUrl: receiver.urlOf('chat') }],
    })
    const agent = other.browser()
    const { id_token } = await other.rp('chat').signIn(agent)
    other.pass(2000)
    const answer = await agent.get(other.rp('chat').logoutUrl({ id_token_hint: id_token }))
    const cookie = [...agent.cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    const stream = await request(`${answer.location}/events`, { headers: { cookie } })
    const started = performance.now()
    const [text] = await Promise.all([stream.body.text(), other.server.drain()])
    assert.ok(performance.now() - started < 5000)
    assert.doesNotMatch(text, /event: end/)
    receiver.behave('chat', 200)
  })

  test('never (default): back at once whatever the verdicts, and the rest goes on without the browser (SR-11, acceptance 14)', async () => {
    receiver.behave('files', 'hang')
    const started = performance.now()
    const { answer } = await signOut(['wiki', 'files'], { post_logout_redirect_uri: bye, state: 's' })
    assert.equal(answer.status, 302)
    assert.equal(answer.location, `${bye}?state=s`)
    assert.ok(performance.now() - started < 3000)
    receiver.behave('files', 200)
  })

  test('on-failure: back from the server when all is green; else the page, which goes on by itself when it is (acceptance 14)', async () => {
    const uri = 'https://watchful.example/callback'
    const green = await signOut(['watchful', 'wiki'], { post_logout_redirect_uri: uri })
    assert.equal(green.answer.location, uri)
    receiver.behave('chat', 503)
    const { agent, answer } = await signOut(['watchful', 'chat'], { post_logout_redirect_uri: uri })
    assert.match(answer.location ?? '', /\/sign-out\/so_/)
    const open = await agent.get(answer.location ?? '')
    assert.match(
      open.text,
      /<a class="button primary" id="back" href="https:\/\/watchful\.example\/callback">Back to watchful<\/a>/,
    )
    assert.doesNotMatch(open.text, /data-go-on-seconds/)
    assert.match(open.text, /<noscript><meta http-equiv="refresh" content="2"><\/noscript>/)
    receiver.behave('chat', 200)
    await until(async () => (await agent.get(`${answer.location}/status`)).text.includes('"done":2'))
    const done = await agent.get(answer.location ?? '')
    assert.match(done.text, /data-go-on-seconds="1"/)
    assert.match(done.text, /content="1;url=https:\/\/watchful\.example\/callback"/)
  })

  test('always: the page, and on by hand (acceptance 14)', async () => {
    const uri = 'https://shown.example/callback'
    const { agent, answer } = await signOut(['shown'], { post_logout_redirect_uri: uri, state: 'x' })
    const page = await agent.get(answer.location ?? '')
    assert.match(page.text, /Signed out of 1 of 1 application</)
    assert.match(page.text, /href="https:\/\/shown\.example\/callback\?state=x">Back to shown/)
    assert.doesNotMatch(page.text, /data-go-on-seconds|http-equiv="refresh"/)
  })

  test('“Sign out on my other devices” ends the others and shows their result', async () => {
    const elsewhere = world.browser()
    const kept = await world.rp('chat').signIn(elsewhere)
    const { agent, answer } = await signOut(['wiki'])
    const page = await agent.get(answer.location ?? '')
    assert.match(page.text, /Sign out on my other devices \(\d+\)/)
    const next = await agent.submit(page, {}, { name: 'action', value: 'devices' })
    assert.equal(next.status, 303)
    assert.notEqual(next.location, answer.location)
    assert.equal((await world.rp('chat').refresh(kept.refresh_token)).status, 400)
    assert.match((await agent.get(next.location ?? '')).text, /chat/)
  })

  test('applications that only the browser can tell get a frame each, before the way back (KF-02, KF-03, KF-04, SR-15)', async () => {
    const uri = 'https://frontal.example/callback'
    const { agent, answer } = await signOut(['frontal', 'wiki'], { post_logout_redirect_uri: uri })
    assert.match(answer.location ?? '', /\/sign-out\/so_[^/]+\/frames$/)
    const page = await agent.get(answer.location ?? '')
    assert.match(
      page.text,
      /<iframe src="https:\/\/frontal\.example\/out\?a=b&amp;iss=[^"]+&amp;sid=[^"]+" hidden/,
    )
    assert.match(String(page.headers['content-security-policy']), /frame-src https:\/\/frontal\.example;/)
    assert.match(page.text, /content="5;url=https:\/\/frontal\.example\/callback"/)
    const result = await agent.get(answer.location?.replace('/frames', '') ?? '')
    assert.match(result.text, /Asked in this browser; it cannot be confirmed\./)
    assert.match(result.text, /Signed out of 1 of 2 applications/)
  })

  test('of more applications than a page has frames, the rest is said not to be asked (KF-05, I9)', async () => {
    const { agent, answer } = await signOut(manyFramed)
    const frames = await agent.get(answer.location ?? '')
    const asked = [...frames.text.matchAll(/<iframe src="https:\/\/(framed-\d+)\./g)].map(([, name]) => name)
    assert.equal(new Set(asked).size, 50)
    const result = await agent.get(answer.location?.replace('/frames', '') ?? '')
    const rows = [...result.text.matchAll(/<li class="could_not".*?<b>(.*?)<\/b>.*?<p>(.*?)<\/p>/gs)]
    const said = new Map(rows.map(([, name, line]) => [name ?? '', (line ?? '').split('<br>')[0]]))
    assert.equal(said.size, 52)
    for (const [name, line] of said)
      assert.equal(
        line,
        asked.includes(name)
          ? 'Asked in this browser; it cannot be confirmed.'
          : 'Not asked: this browser asks 50 applications at most.',
        name,
      )
  })
})

async function until(isSo: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 10_000
  while (!(await isSo())) {
    if (performance.now() > deadline) throw new Error('it did not happen within 10 s')
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}
