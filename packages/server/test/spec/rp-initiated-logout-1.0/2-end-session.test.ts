import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { forEachDatabase } from '../../support/database.ts'
import { testSecret } from '../../support/realm-export.ts'
import { type Receiver, startReceiver } from '../../support/receiver.ts'
import type { Tokens } from '../../support/relying-party.ts'
import type { Page, UserAgent } from '../../support/user-agent.ts'
import { startWholeServer, type WholeServer } from '../../support/whole-server.ts'

const bye = (clientId: string): string => `https://${clientId}.example/callback`

forEachDatabase('RP-Initiated Logout 1.0 §2, §3, §4', (database) => {
  let receiver: Receiver
  let world: WholeServer
  before(async () => {
    receiver = await startReceiver()
    world = await startWholeServer(database, {
      usernames: ['alice', 'bob'],
      clients: [
        ...['wiki', 'chat', 'files'].map((clientId) => ({
          clientId,
          backchannelUrl: receiver.urlOf(clientId),
        })),
        { clientId: 'careful', attributes: { 'logout.confirmation.enabled': 'true' } },
        { clientId: 'pattern', redirectUri: 'https://pattern.example/*' },
      ],
    })
  })
  after(async () => {
    await world?.[Symbol.asyncDispose]()
    await receiver?.[Symbol.asyncDispose]()
  })

  /** A browser that is signed in to these applications; the notices are due at once. */
  async function signedIn(
    ...clientIds: string[]
  ): Promise<{ agent: UserAgent; tokens: Record<string, Tokens> }> {
    const agent = world.browser()
    const tokens: Record<string, Tokens> = {}
    for (const clientId of clientIds)
      tokens[clientId] = await world.rp(clientId, redirectOf(clientId)).signIn(agent)
    world.pass(2000)
    return { agent, tokens }
  }
  const redirectOf = (clientId: string): string | undefined =>
    clientId === 'pattern' ? 'https://pattern.example/app' : undefined
  const ask = (
    agent: UserAgent,
    method: 'GET' | 'POST',
    parameters: Record<string, string>,
    headers = {},
  ): Promise<Page> =>
    method === 'GET'
      ? agent.get(world.rp('wiki').logoutUrl(parameters), headers)
      : agent.post(world.rp('wiki').logoutUrl(), parameters, headers)
  async function isSignedIn(agent: UserAgent, clientId = 'wiki'): Promise<boolean> {
    const rp = world.rp(clientId, redirectOf(clientId))
    const page = await agent.follow(await agent.get(rp.authorizationUrl({ prompt: 'none' })), world.issuer)
    return new URL(page.location ?? '').searchParams.has('code')
  }
  const lastError = () => world.errors().at(-1)

  for (const method of ['GET', 'POST'] as const) {
    const found = method === 'GET' ? 302 : 303

    test(`${method} with the hint of this session signs out at once and goes back with state (RIL-01, RIL-13, RIL-17, RIL-18, SR-10, SR-11)`, async () => {
      const { agent, tokens } = await signedIn('wiki', 'chat')
      const before = receiver.received.length
      const page = await ask(agent, method, {
        id_token_hint: tokens['wiki']?.id_token ?? '',
        post_logout_redirect_uri: bye('wiki'),
        state: 'a b&c',
      })
      assert.equal(page.status, found)
      assert.equal(page.location, `${bye('wiki')}?state=a%20b%26c`)
      assert.equal(await isSignedIn(agent), false)
      const told = receiver.received.slice(before).map((token) => token.clientId)
      // the initiating application is told too, and the answer waited for both (RIL-21)
      assert.deepEqual(told.sort(), ['chat', 'wiki'])
    })

    test(`${method} without a hint asks, and only the answer signs out (RIL-15, RIL-16, RIL-26, KL-30, KL-35, THR-01, CVE-2020-10734)`, async () => {
      const { agent } = await signedIn('wiki', 'chat')
      const question = await ask(agent, method, {})
      assert.equal(question.status, 200)
      assert.match(question.text, /Sign out of 2 applications on this device\?/)
      assert.match(question.text, /<b>wiki<\/b>/)
      assert.equal(await isSignedIn(agent), true)
      const answered = await agent.submit(question, {}, { name: 'action', value: 'all' })
      assert.equal(answered.status, 303)
      assert.match(answered.location ?? '', /\/sign-out\/so_/)
      assert.equal(await isSignedIn(agent), false)
    })

    test(`${method} with the hint of somebody else’s session asks, and ends what this browser shows (RIL-16, KL-32, SR-20)`, async () => {
      const other = await signedIn('wiki')
      const { agent } = await signedIn('wiki')
      const question = await ask(agent, method, { id_token_hint: other.tokens['wiki']?.id_token ?? '' })
      assert.match(question.text, /asks to sign somebody else out/)
      await agent.submit(question, {}, { name: 'action', value: 'all' })
      assert.equal(await isSignedIn(agent), false)
      assert.equal(await isSignedIn(other.agent), true)
    })

    test(`${method} without a cookie and with a current hint ends that session: an application’s back end (KL-43, KK-64, SR-20)`, async () => {
      const { agent, tokens } = await signedIn('wiki')
      const backEnd = world.browser()
      const page = await ask(backEnd, method, { id_token_hint: tokens['wiki']?.id_token ?? '' })
      assert.equal(page.status, found)
      assert.equal(await isSignedIn(agent), false)
    })

    test(`${method} again, when the session has ended, is a success without a question, and still goes back (RIL-06, RIL-24, KL-40)`, async () => {
      const { agent, tokens } = await signedIn('wiki')
      const parameters = {
        id_token_hint: tokens['wiki']?.id_token ?? '',
        post_logout_redirect_uri: bye('wiki'),
      }
      await ask(agent, method, parameters)
      const again = await ask(agent, method, parameters)
      assert.equal(again.status, found)
      assert.equal(again.location, bye('wiki'))
      assert.equal(lastError()?.error, 'session_expired')
    })

    test(`${method} of nobody is not an error (RIL-24)`, async () => {
      const page = await ask(world.browser(), method, {})
      assert.equal(page.status, 200)
      assert.match(page.text, /You are signed out/)
    })

    for (const [title, parameters, error, kind] of [
      [
        'an unregistered address (RIL-20, RIL-25, KL-14, THR-02)',
        { client_id: 'wiki', post_logout_redirect_uri: 'https://evil.example/x' },
        'invalid_redirect_uri',
        /We will not send you there/,
      ],
      [
        'an address with a query added (RIL-20)',
        { client_id: 'wiki', post_logout_redirect_uri: `${bye('wiki')}?x=1` },
        'invalid_redirect_uri',
        /We will not send you there/,
      ],
      [
        'an address with neither hint nor client_id (RIL-19, KL-10)',
        { post_logout_redirect_uri: bye('wiki') },
        'invalid_request',
        /cannot tell which application/,
      ],
      [
        'an unknown client_id with an address (KL-11, KL-14)',
        { client_id: 'nobody', post_logout_redirect_uri: bye('wiki') },
        'invalid_redirect_uri',
        /not known/,
      ],
      [
        'a forged hint (RIL-04, KL-12)',
        { id_token_hint: 'e30.e30.e30' },
        'invalid_token',
        /cannot be checked/,
      ],
    ] as const) {
      test(`${method} with ${title}: an event, a page, no redirect, no link, and the session lives (RIL-23)`, async () => {
        const { agent } = await signedIn('wiki')
        const page = await ask(agent, method, parameters)
        assert.equal(page.status, 400)
        assert.equal(page.location, undefined)
        assert.match(page.text, kind)
        assert.doesNotMatch(page.text, /evil\.example|wiki\.example/)
        assert.equal(lastError()?.error, error)
        assert.match(lastError()?.explanation ?? '', /^\S.{20,}\.$/)
        assert.equal(await isSignedIn(agent), true)
        // the button signs out without the redirect
        const done = await agent.submit(page, {}, { name: 'action', value: 'all' })
        assert.match(done.location ?? '', /\/sign-out\/so_/)
        assert.equal(await isSignedIn(agent), false)
      })
    }

    test(`${method} with client_id that is not the hint’s is refused (RIL-09, KL-13)`, async () => {
      const { agent, tokens } = await signedIn('wiki', 'chat')
      const page = await ask(agent, method, {
        id_token_hint: tokens['wiki']?.id_token ?? '',
        client_id: 'chat',
      })
      assert.equal(page.status, 400)
      assert.equal(lastError()?.error, 'invalid_token')
      assert.equal(await isSignedIn(agent), true)
    })

    test(`${method} with an access token as hint is refused (KL-01)`, async () => {
      const { agent, tokens } = await signedIn('wiki')
      const page = await ask(agent, method, { id_token_hint: tokens['wiki']?.access_token ?? '' })
      assert.equal(page.status, 400)
      assert.match(lastError()?.explanation ?? '', /Send the ID Token/)
    })

    test(`${method} with client_id and a registered address asks, and goes back after the answer (RIL-19, KL-44)`, async () => {
      const { agent } = await signedIn('wiki')
      const question = await ask(agent, method, {
        client_id: 'wiki',
        post_logout_redirect_uri: bye('wiki'),
        state: 's',
      })
      assert.match(question.text, /wiki asks to sign you out/)
      assert.match(
        String(question.headers['content-security-policy']),
        /form-action 'self' https:\/\/wiki\.example;/,
      )
      const answered = await agent.submit(question, {}, { name: 'action', value: 'all' })
      assert.equal(answered.status, 303)
      assert.equal(answered.location, `${bye('wiki')}?state=s`)
    })

    test(`${method} for an application that always wants the question gets it (RIL-15, KL-34)`, async () => {
      const { agent, tokens } = await signedIn('careful')
      const question = await ask(agent, method, { id_token_hint: tokens['careful']?.id_token ?? '' })
      assert.equal(question.status, 200)
      assert.equal(await isSignedIn(agent, 'careful'), true)
    })

    test(`${method} with a wildcard registration: followed with a hint, a link without one (KL-22, KL-33, SR-22)`, async () => {
      const uri = 'https://pattern.example/bye?x=1'
      const { agent, tokens } = await signedIn('pattern')
      const byHint = await ask(agent, method, {
        id_token_hint: tokens['pattern']?.id_token ?? '',
        post_logout_redirect_uri: uri,
        state: 's',
      })
      assert.equal(byHint.location, `${uri}&state=s`)
      const byClient = await ask(world.browser(), method, {
        client_id: 'pattern',
        post_logout_redirect_uri: uri,
      })
      assert.equal(byClient.status, 200)
      assert.match(byClient.text, /href="https:\/\/pattern\.example\/bye\?x=1"/)
    })

    test(`${method} without a session, with client_id and an exact address, is a plain redirect and no event (KL-33)`, async () => {
      const before = world.errors().length
      const page = await ask(world.browser(), method, {
        client_id: 'wiki',
        post_logout_redirect_uri: bye('wiki'),
      })
      assert.equal(page.status, found)
      assert.equal(page.location, bye('wiki'))
      assert.equal(world.errors().length, before)
    })

    test(`${method} with empty parameters, logout_hint and an unknown ui_locales is as if they were not there (RIL-07, RIL-14, RIL-29)`, async () => {
      const { agent } = await signedIn('wiki')
      const question = await ask(agent, method, {
        id_token_hint: '',
        client_id: '',
        state: '',
        logout_hint: 'alice',
        ui_locales: 'tlh xx',
      })
      assert.match(question.text, /Sign out of 1 application on this device\?/)
    })

    test(`${method} in the language that the application asks for (KL-05)`, async () => {
      const { agent } = await signedIn('wiki')
      const question = await ask(agent, method, { ui_locales: 'de' })
      assert.match(question.text, /<html lang="de"/)
      assert.match(question.text, /Auf diesem Gerät/)
    })
  }

  test('a parameter that is sent twice is refused, with GET and POST (RIL-29, KL-09)', async () => {
    const { agent, tokens } = await signedIn('wiki')
    const hint = tokens['wiki']?.id_token
    const url = `${world.rp('wiki').logoutUrl()}id_token_hint=${hint}&id_token_hint=${hint}`
    assert.equal((await agent.get(url)).status, 400)
    assert.equal(lastError()?.error, 'invalid_request')
    assert.equal(await isSignedIn(agent), true)
  })

  test('a cross-site POST goes on as a same-site GET that carries only a handle (RIL-01, SR-21, KK-28)', async () => {
    const { agent, tokens } = await signedIn('wiki')
    const cookies = new Map(agent.cookies)
    agent.cookies.clear()
    const parameters = {
      id_token_hint: tokens['wiki']?.id_token ?? '',
      post_logout_redirect_uri: bye('wiki'),
      state: 's',
    }
    const first = await ask(agent, 'POST', parameters, {
      'sec-fetch-site': 'cross-site',
      origin: 'https://wiki.example',
    })
    assert.equal(first.status, 303)
    const next = new URL(first.location ?? '')
    assert.deepEqual([...next.searchParams.keys()], ['continue'])
    for (const [name, value] of cookies) agent.cookies.set(name, value)
    const second = await agent.get(next.href)
    assert.equal(second.location, `${bye('wiki')}?state=s`)
    assert.equal(await isSignedIn(agent), false)
  })

  test('the answer to a question counts in the browser and for the session that it was asked for alone (RIL-28, KL-38)', async () => {
    const alice = await signedIn('wiki')
    const mallory = await signedIn('wiki')
    const question = await ask(mallory.agent, 'GET', {})
    const token = /name="token" value="([^"]+)"/.exec(question.text)?.[1] ?? ''
    const url = `${world.issuer}/protocol/openid-connect/logout/logout-confirm`
    for (const form of [{ token, action: 'all' }, { token: 'made up', action: 'all' }, { action: 'all' }]) {
      const refused = await alice.agent.post(url, form as Record<string, string>)
      assert.equal(refused.status, 400)
      assert.equal(lastError()?.error, 'logout_failed')
    }
    const crossSite = await mallory.agent.post(
      url,
      { token, action: 'all' },
      { 'sec-fetch-site': 'cross-site' },
    )
    assert.equal(crossSite.status, 400)
    assert.equal(await isSignedIn(alice.agent), true)
    assert.equal(await isSignedIn(mallory.agent), true)
  })

  test('a second click finds the sign-out of the first (RIL-28, KL-39)', async () => {
    const { agent } = await signedIn('wiki')
    const question = await ask(agent, 'GET', {})
    const first = await agent.submit(question, {}, { name: 'action', value: 'all' })
    const second = await agent.submit(question, {}, { name: 'action', value: 'all' })
    assert.equal(second.status, 303)
    assert.equal(second.location, first.location)
  })

  test('“Only leave” ends one application and keeps the others and the session (experience.md §8.1)', async () => {
    const { agent, tokens } = await signedIn('wiki', 'chat', 'files')
    const question = await ask(agent, 'GET', { client_id: 'wiki' })
    assert.match(question.text, /Only leave wiki/)
    assert.match(question.text, /stay signed in to the other 2 applications/)
    const before = receiver.received.length
    const answered = await agent.submit(question, {}, { name: 'action', value: 'one' })
    assert.match(answered.location ?? '', /\/sign-out\/so_/)
    assert.equal(await isSignedIn(agent, 'chat'), true)
    const refreshed = await world.rp('wiki').refresh(tokens['wiki']?.refresh_token ?? '')
    assert.equal(refreshed.status, 400)
    assert.equal((await world.rp('chat').refresh(tokens['chat']?.refresh_token ?? '')).status, 200)
    assert.deepEqual(
      receiver.received.slice(before).map((token) => token.clientId),
      ['wiki'],
    )
  })

  test('“on all my devices” ends every session of the person and of nobody else (experience.md §8.1)', async () => {
    const first = await signedIn('wiki')
    const second = await signedIn('chat')
    const bob = world.browser()
    await world.rp('wiki').signIn(bob, 'bob')
    const question = await ask(first.agent, 'GET', {})
    assert.match(question.text, /Sign out on all my devices \(\d+\)/)
    await first.agent.submit(question, {}, { name: 'action', value: 'devices' })
    assert.equal(await isSignedIn(first.agent), false)
    assert.equal(await isSignedIn(second.agent, 'chat'), false)
    assert.equal(await isSignedIn(bob), true)
  })

  test('whoever shows a hint without the session ends that one session, and is offered no other (SR-20, THR-01, THR-03)', async () => {
    for (const isExpired of [false, true]) {
      const { agent, tokens } = await signedIn('wiki')
      const elsewhere = isExpired ? undefined : await signedIn('chat')
      if (isExpired) world.pass(600_000)
      const stranger = world.browser()
      const asked = await ask(stranger, 'GET', { id_token_hint: tokens['wiki']?.id_token ?? '' })
      const answered = isExpired
        ? await stranger.submit(asked, {}, { name: 'action', value: 'devices' })
        : asked
      const result = await stranger.follow(answered, world.issuer)
      assert.match(result.text, /Signed out of \d of 1 application/)
      assert.doesNotMatch(result.text, /other devices|value="devices"/)
      const { pathname } = new URL(result.url)
      const forced = await stranger.post(`${world.url}${pathname}/devices`, { action: 'devices', token: '' })
      assert.equal(forced.status, 400)
      assert.equal(await isSignedIn(agent), false)
      if (elsewhere) assert.equal(await isSignedIn(elsewhere.agent, 'chat'), true)
    }
  })

  test('“Cancel” changes nothing, and the form is spent', async () => {
    const { agent } = await signedIn('wiki')
    const question = await ask(agent, 'GET', {})
    const page = await agent.submit(question, {}, { name: 'action', value: 'cancel' })
    assert.match(page.text, /You are still signed in/)
    await agent.submit(question, {}, { name: 'action', value: 'all' })
    assert.equal(await isSignedIn(agent), true)
  })

  test('the session’s cookie is cleared when it names the ended session, and a newer one is kept (KL-46)', async () => {
    const { agent, tokens } = await signedIn('wiki')
    const name = [...agent.cookies.keys()].find((key) => key.startsWith('curfew-sid-')) ?? ''
    const page = await ask(agent, 'GET', { id_token_hint: tokens['wiki']?.id_token ?? '' })
    assert.match(String(page.headers['set-cookie']), new RegExp(`${name}=; Path=/; Max-Age=0; HttpOnly`))
    const newer = await signedIn('wiki')
    const old = await ask(newer.agent, 'GET', {
      id_token_hint: tokens['wiki']?.id_token ?? '',
      post_logout_redirect_uri: bye('wiki'),
    })
    assert.equal(old.status, 200)
    assert.ok(newer.agent.cookie(name))
  })

  test('a POST with refresh_token is the legacy branch: 204, no page (keycloak-dialect.md §3)', async () => {
    const { agent, tokens } = await signedIn('wiki')
    const answer = await agent.post(world.rp('wiki').logoutUrl(), {
      client_id: 'wiki',
      client_secret: testSecret,
      refresh_token: tokens['wiki']?.refresh_token ?? '',
    })
    assert.equal(answer.status, 204)
    assert.equal(await isSignedIn(agent), false)
  })

  test('bad input is a page with the right status and changes nothing (issue: how it is judged)', async () => {
    const agent = world.browser()
    const base = `${world.issuer}/protocol/openid-connect/logout`
    assert.equal((await agent.get(base.replace('/realms/test', '/realms/nowhere'))).status, 404)
    assert.equal((await agent.post(base, { id_token_hint: 'x'.repeat(1_000_000) })).status, 413)
    const wrongType = await agent.post(base, {}, { 'content-type': 'text/plain' })
    assert.equal(wrongType.status, 415)
    assert.match(wrongType.text, /<html/)
    assert.equal((await agent.get(`${base}?id_token_hint=${'x'.repeat(12_000)}`)).status, 400)
  })

  // The engine's tokens have the time of the machine, so tests that move the server's clock far come last.
  test('an answer that comes late is asked again, with Keycloak’s events (KL-36, KL-37)', async () => {
    for (const [lateMs, error] of [
      [301_000, 'expired_code'],
      [1_801_000, 'session_expired'],
    ] as const) {
      const { agent } = await signedIn('wiki')
      let question = await ask(agent, 'GET', {})
      for (let passed = 0; passed < lateMs; passed += 200_000) {
        world.pass(Math.min(200_000, lateMs - passed))
        await isSignedIn(agent)
      }
      const again = await agent.submit(question, {}, { name: 'action', value: 'all' })
      assert.equal(again.status, 200)
      assert.match(again.text, /here it is again/)
      assert.equal(lastError()?.error, error)
      assert.equal(await isSignedIn(agent), true)
      question = again
      await agent.submit(question, {}, { name: 'action', value: 'all' })
      assert.equal(await isSignedIn(agent), false)
    }
  })

  for (const method of ['GET', 'POST'] as const) {
    const found = method === 'GET' ? 302 : 303

    test(`${method} with an expired hint of this session signs out at once (RIL-05, SR-20)`, async () => {
      const { agent, tokens } = await signedIn('wiki')
      world.pass(400_000)
      const page = await ask(agent, method, { id_token_hint: tokens['wiki']?.id_token ?? '' })
      assert.equal(page.status, found)
      assert.equal(await isSignedIn(agent), false)
    })

    test(`${method} without a cookie and with an expired hint asks, and tells nothing of the session (KL-43, SR-20)`, async () => {
      const { agent, tokens } = await signedIn('wiki')
      world.pass(400_000)
      const stranger = world.browser()
      const question = await ask(stranger, method, { id_token_hint: tokens['wiki']?.id_token ?? '' })
      assert.match(question.text, /Sign out on this device\?/)
      assert.doesNotMatch(question.text, /alice|my devices/)
      assert.equal(await isSignedIn(agent), true)
      await stranger.submit(question, {}, { name: 'action', value: 'devices' })
      assert.equal(await isSignedIn(agent), false)
    })
  }
})
