import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { signOut } from '../../src/sign-out/sign-out.ts'
import { forEachDatabase } from '../support/database.ts'
import { testPassword } from '../support/realm-export.ts'
import type { Page, UserAgent } from '../support/user-agent.ts'
import { startWholeServer, type WholeServer } from '../support/whole-server.ts'

forEachDatabase('the sign-in page', (database) => {
  let world: WholeServer
  before(async () => {
    world = await startWholeServer(database, {
      usernames: ['alice', 'bob', 'carol', 'dave'],
      settings: { rememberMe: true, displayName: 'Harbour & Sons', loginWithEmailAllowed: true },
      clients: [{ clientId: 'wiki' }, { clientId: 'asking', attributes: {} }],
    })
  })
  after(() => world?.[Symbol.asyncDispose]())

  const open = async (agent: UserAgent, extra: Record<string, string> = {}): Promise<Page> =>
    agent.follow(await agent.get(world.rp('wiki').authorizationUrl(extra)), world.issuer)
  const csrfOf = (page: Page): string => /name="csrf" value="([^"]+)"/.exec(page.text)?.[1] ?? ''

  test('says where it leads, works with password managers, and has no script and no room for one', async () => {
    const page = await open(world.browser())
    assert.match(page.text, /to continue to <strong>wiki<\/strong>/)
    assert.match(page.text, /Harbour &amp; Sons/)
    assert.match(page.text, /autocomplete="username"/)
    assert.match(page.text, /autocomplete="current-password"/)
    assert.doesNotMatch(page.text, /<script|onpaste|onsubmit/)
    const policy = String(page.headers['content-security-policy'])
    assert.doesNotMatch(policy, /script-src/)
    assert.match(
      policy,
      /default-src 'none'.*form-action 'self' https:\/\/wiki\.example;.*frame-ancestors 'none'/,
    )
    assert.equal(page.headers['cache-control'], 'no-store')
  })

  test('right credentials go on by 303 to the application; the next application asks nothing', async () => {
    const agent = world.browser()
    const page = await open(agent)
    const answered = await agent.submit(page, { username: 'alice', password: testPassword })
    assert.equal(answered.status, 303)
    const back = await agent.follow(answered, world.issuer)
    assert.match(back.location ?? '', /^https:\/\/wiki\.example\/callback\?.*code=/)
    const second = await agent.follow(await agent.get(world.rp('asking').authorizationUrl()), world.issuer)
    assert.match(second.location ?? '', /^https:\/\/asking\.example\/callback\?.*code=/)
  })

  test('an e-mail address is as good as the user name, in any case', async () => {
    const agent = world.browser()
    const answered = await agent.submit(await open(agent), {
      username: ' Alice@Example.org ',
      password: testPassword,
    })
    assert.equal(answered.status, 303)
  })

  test('a wrong password and an unknown name get the same page; what was typed stays, the password does not (ASVS 6.3.8)', async () => {
    const pages: string[] = []
    for (const username of ['bob', 'nobody']) {
      const agent = world.browser()
      const page = await open(agent)
      const refused = await agent.submit(page, { username, password: 'sesame, sesame' })
      assert.equal(refused.status, 400)
      assert.match(refused.text, new RegExp(`name="username" value="${username}"`))
      assert.doesNotMatch(refused.text, /sesame/)
      pages.push(refused.text.replaceAll(username, 'X').replaceAll(/sign-in\/[\w-]+|value="[\w-]{40,}"/g, ''))
    }
    assert.equal(pages[0], pages[1])
    assert.deepEqual(
      world
        .errors()
        .slice(-2)
        .map((event) => event.error),
      ['invalid_user_credentials', 'user_not_found'],
    )
  })

  test('after five wrong passwords the page says exactly how long to wait', async () => {
    const agent = world.browser()
    let page = await open(agent)
    for (let count = 0; count < 8; count++)
      page = await agent.submit(page, { username: 'carol', password: 'wrong' })
    assert.equal(page.status, 429)
    const seconds = Number(page.headers['retry-after'])
    assert.ok(seconds >= 1 && seconds <= 60)
    assert.match(page.text, new RegExp(`Please wait ${seconds} second`))
    world.pass(seconds * 1000)
    const right = await agent.submit(page, { username: 'carol', password: testPassword })
    assert.equal(right.status, 303)
  })

  test('an empty form is answered at once, without counting a try', async () => {
    const agent = world.browser()
    const page = await agent.submit(await open(agent), { username: '', password: '' })
    assert.equal(page.status, 400)
    assert.match(page.text, /enter your username and your password/)
  })

  test('login_hint is filled in, and the wish for a language is followed (OIDC Core §3.1.2.1)', async () => {
    const page = await open(world.browser(), { login_hint: 'dave"><script>', ui_locales: 'tlh fr' })
    assert.match(page.text, /value="dave&quot;&gt;&lt;script&gt;"/)
    assert.match(page.text, /<html lang="fr"/)
    assert.match(page.text, /Se connecter/)
  })

  test('asked to sign in again, the page says who asks and knows the name (prompt=login)', async () => {
    const agent = world.browser()
    await world.rp('wiki').signIn(agent)
    const page = await open(agent, { prompt: 'login' })
    assert.match(page.text, /<strong>wiki<\/strong> asks you to confirm that it is you/)
    assert.match(page.text, /name="username" value="alice"/)
  })

  test('remember-me is offered because the realm offers it, and is off until ticked', async () => {
    const page = await open(world.browser())
    assert.match(page.text, /<input type="checkbox" name="rememberMe" value="on">/)
  })

  test('a post without the token, with another interaction’s token, from another site or another browser signs nobody in', async () => {
    const mine = world.browser()
    const page = await open(mine)
    const other = await open(world.browser())
    const fields = { username: 'alice', password: testPassword }
    for (const csrf of ['', 'x', csrfOf(other)]) {
      assert.equal((await mine.post(page.url, { ...fields, csrf })).status, 400)
    }
    const crossSite = await mine.post(
      page.url,
      { ...fields, csrf: csrfOf(page) },
      { 'sec-fetch-site': 'cross-site' },
    )
    assert.equal(crossSite.status, 400)
    const stranger = await world.browser().post(page.url, { ...fields, csrf: csrfOf(page) })
    assert.equal(stranger.status, 400)
    assert.match(stranger.text, /This sign-in has ended/)
    assert.equal((await mine.submit(page, fields)).status, 303)
  })

  test('the language menu sets a choice that wins over every other wish, and leads nowhere else', async () => {
    const agent = world.browser()
    const page = await open(agent, { ui_locales: 'fr' })
    const path = new URL(page.url).pathname
    const chosen = await agent.post(`${world.issuer}/language`, { language: 'de', return: path })
    assert.equal(chosen.status, 303)
    assert.equal(chosen.location, page.url)
    assert.match((await agent.get(page.url)).text, /<html lang="de"/)
    const unknown = await agent.get(
      `${world.issuer}/protocol/openid-connect/auth?client_id=nobody&ui_locales=fr`,
    )
    assert.match(unknown.text, /<html lang="de"/)
    assert.match(unknown.text, /Diese Anwendung ist nicht bekannt/)
    for (const back of [
      'https://evil.example/',
      '//evil.example',
      '/\\evil.example',
      '/realms/test/../../x',
      '/realms/other/x',
      `${path}\r\nx: y`,
      '',
    ]) {
      assert.equal(
        (await agent.post(`${world.issuer}/language`, { language: 'de', return: back })).status,
        400,
        back,
      )
    }
    assert.equal((await agent.post(`${world.issuer}/language`, { language: 'xx', return: path })).status, 400)
  })

  test('who was signed out by others is told why on the next visit (experience.md §8.1)', async () => {
    for (const [end, sentence] of [
      ['administrator', /Your organisation ended your session at <time/],
      ['expiry', /You were inactive for 30 minutes\./],
    ] as const) {
      const agent = world.browser()
      await world.rp('wiki').signIn(agent)
      if (end === 'expiry') world.pass(1_801_000)
      else await endByAdministrator(world)
      const name = [...agent.cookies.keys()].find((key) => key.startsWith('curfew-sid-'))
      assert.ok(name)
      const page = await open(agent)
      assert.match(page.text, sentence)
      assert.match((await agent.get(world.rp('wiki').logoutUrl())).text, sentence)
    }
  })

  test('an interaction that is over says so, and an unknown realm is a page with 404', async () => {
    const agent = world.browser()
    const page = await open(agent)
    await agent.follow(await agent.submit(page, { username: 'alice', password: testPassword }), world.url)
    const back = await agent.get(page.url)
    assert.equal(back.status, 200, 'the back button of somebody who is signed in')
    assert.match(back.text, /You are signed in/)
    agent.cookies.clear()
    const gone = await agent.get(page.url)
    assert.equal(gone.status, 400)
    assert.match(gone.text, /This sign-in has ended/)
    const unknown = await agent.get(page.url.replace('/realms/test/', '/realms/nowhere/'))
    assert.equal(unknown.status, 404)
    assert.match(unknown.text, /no sign-in service/)
  })

  test('styles and scripts are kept for ever under an address that changes with their content', async () => {
    const agent = world.browser()
    const page = await open(agent)
    const href = /<link rel="stylesheet" href="([^"]+)"/.exec(page.text)?.[1] ?? ''
    assert.match(href, /^\/resources\/curfew-[\w-]{12}\.css$/)
    const style = await agent.get(new URL(href, page.url).href)
    assert.equal(style.status, 200)
    assert.equal(style.headers['cache-control'], 'public, max-age=31536000, immutable')
    assert.equal(style.headers['x-content-type-options'], 'nosniff')
  })
})

async function endByAdministrator({ server }: WholeServer): Promise<void> {
  const { store, realms, ambient } = server
  const row = await store.read.db
    .selectFrom('session')
    .select(['uid', 'realm_id'])
    .where('state', '=', 'active')
    .orderBy('created_at', 'desc')
    .executeTakeFirstOrThrow()
  const deps = { store, realms, ambient, random: ambient.random, log: ambient.log }
  await signOut(deps, {
    realmId: row.realm_id,
    scope: { kind: 'session', sessionUid: row.uid },
    kind: 'ordinary',
    cause: 'administrator',
    initiator: 'admin',
    actor: {},
  })
}
