/** Contract: sessions of the engine, and the pages of a sign-in (engine.md §6, §8.4, §9). */
import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { hashCookie } from '../../src/session/cookie-hash.ts'
import { signOut } from '../../src/sign-out/sign-out.ts'
import type { Store } from '../../src/store/store.ts'
import { forEachDatabase } from '../support/database.ts'
import { type OpHost, startOpHost } from '../support/op-host.ts'
import type { Page, UserAgent } from '../support/user-agent.ts'

async function signInPage(
  host: OpHost,
  browser: UserAgent,
  extra: Record<string, string> = {},
): Promise<Page> {
  const url = host.rp('wiki').authorizationUrl(extra)
  return browser.follow(await browser.get(url), host.origin)
}

async function sessions(
  store: Store,
): Promise<readonly { uid: string; state: string; account_id: string }[]> {
  return store.read.db
    .selectFrom('session')
    .select(['uid', 'state', 'account_id', 'cookie_hash', 'remember_me'])
    .orderBy('created_at')
    .execute()
}

forEachDatabase('sessions of the engine', (database) => {
  test('signing in again keeps the session and its uid and rotates the cookie (CVE-2024-7341)', async () => {
    await using store = await database.open()
    await using host = await startOpHost({ store })
    const browser = host.browser()
    const before = await host.rp('wiki').signIn(browser)
    const cookie = browser.cookie('curfew-sid-test')
    const page = await signInPage(host, browser, { prompt: 'login' })
    assert.match(page.text, /sign in/)
    const back = await browser.follow(await browser.submit(page, { username: 'alice' }), host.origin)
    const after = await host.rp('wiki').exchange(back.location as string)
    assert.notEqual(browser.cookie('curfew-sid-test'), cookie)
    assert.equal(after.status, 400, 'the verifier of another attempt')
    const rows = await sessions(store)
    assert.equal(rows.length, 1)
    assert.equal(rows[0]?.state, 'active')
    const again = await host.rp('wiki').signIn(browser)
    assert.equal(again.session_state, before.session_state)
  })

  test('the cookie is 256 random bits, HttpOnly, Lax and stored hashed; it is sent once and not with every request', async () => {
    await using store = await database.open()
    await using host = await startOpHost({ store })
    const browser = host.browser()
    const page = await signInPage(host, browser)
    const posted = await browser.submit(page, { username: 'alice' })
    const resumed = await browser.get(posted.location as string)
    const lines = [resumed.headers['set-cookie']].flat() as string[]
    const line = lines.find((one) => one.startsWith('curfew-sid-test='))
    assert.match(line ?? '', /; path=\/;/i)
    assert.match(line ?? '', /httponly/i)
    assert.match(line ?? '', /samesite=lax/i)
    assert.doesNotMatch(line ?? '', /expires|domain|secure/i)
    const value = browser.cookie('curfew-sid-test') as string
    assert.ok(value.length >= 43)
    const rows = await store.read.db.selectFrom('session').select('cookie_hash').execute()
    assert.equal(rows[0]?.cookie_hash, hashCookie(value))
    const silent = await browser.get(host.rp('chat').authorizationUrl())
    assert.equal(silent.headers['set-cookie'], undefined)
  })

  test('a remembered session has a cookie that outlives the browser and the longer times', async () => {
    await using store = await database.open()
    await using host = await startOpHost({
      store,
      settings: { ssoSessionMaxRememberMeSeconds: 86_400, ssoSessionIdleRememberMeSeconds: 86_400 },
    })
    const browser = host.browser()
    const page = await signInPage(host, browser)
    const posted = await browser.submit(page, { username: 'alice', rememberMe: 'on' })
    const resumed = await browser.get(posted.location as string)
    const line = ([resumed.headers['set-cookie']].flat() as string[]).find((one) =>
      one.startsWith('curfew-sid-test='),
    )
    const expires = Date.parse(/expires=([^;]+)/i.exec(line ?? '')?.[1] ?? '')
    assert.ok(Math.abs(expires - Date.now() - 86_400_000) < 60_000, line)
    const row = await store.read.db
      .selectFrom('session')
      .select(['remember_me', 'created_at', 'ends_at'])
      .executeTakeFirstOrThrow()
    assert.equal(row.remember_me, 1)
    assert.equal(row.ends_at - row.created_at, 86_400_000)
  })

  test('an account switch ends the old session by a sign-out and does not reach the sign-out of the engine', async () => {
    await using store = await database.open()
    const framed = {
      frontchannelLogout: true,
      attributes: { 'frontchannel.logout.url': 'https://chat.example/out' },
    }
    await using host = await startOpHost({
      store,
      clients: [{ clientId: 'wiki' }, { clientId: 'chat', ...framed }],
    })
    const browser = host.browser()
    await host.rp('wiki').signIn(browser)
    await host.rp('chat').signIn(browser)
    const page = await signInPage(host, browser, { prompt: 'login' })
    const back = await browser.follow(await browser.submit(page, { username: 'bob' }), host.origin)
    assert.ok(back.location?.startsWith('https://wiki.example/callback'), back.url)
    const rows = await sessions(store)
    const states = rows.map((row) => [row.account_id, row.state])
    assert.deepEqual(states.sort(), [
      ['id-test-alice', 'ended'],
      ['id-test-bob', 'active'],
    ])
    const signOuts = await store.read.db
      .selectFrom('sign_out')
      .select(['cause', 'application_count'])
      .execute()
    assert.deepEqual(
      signOuts.map((row) => [row.cause, row.application_count]),
      [['account_switched', 2]],
    )
    // the browser goes on to the application without a page that could load a frame: nothing says that it was asked
    assert.deepEqual(await store.read.db.selectFrom('delivery').select('channel').execute(), [])
  })

  test('a session that was signed out while its sign-in page was open begins the request again', async () => {
    await using store = await database.open()
    await using host = await startOpHost({ store })
    const browser = host.browser()
    await host.rp('wiki').signIn(browser)
    const page = await signInPage(host, browser, { prompt: 'login' })
    const [session] = await sessions(store)
    await signOut(host.deps, {
      realmId: host.realm().id,
      scope: { kind: 'session', sessionUid: session?.uid ?? '' },
      kind: 'ordinary',
      cause: 'account_page',
      initiator: 'user',
      actor: {},
    })
    const again = await browser.submit(page, { username: 'alice' })
    assert.ok(again.location?.includes('/protocol/openid-connect/auth?'), again.location)
    const fresh = await browser.follow(again, host.origin)
    assert.match(fresh.text, /sign in/)
    const back = await browser.follow(await browser.submit(fresh, { username: 'alice' }), host.origin)
    assert.ok(back.location?.startsWith('https://wiki.example/callback'), back.text)
  })

  test('a sign-in page of another browser, or finished, is gone', async () => {
    await using store = await database.open()
    await using host = await startOpHost({ store })
    const page = await signInPage(host, host.browser())
    assert.match((await host.browser().get(page.url)).text, /gone/)
  })

  test('whoever plants the cookies of a request of their own in a browser neither gets its sign-in nor signs it in (CVE-2026-7507)', async () => {
    await using store = await database.open()
    await using host = await startOpHost({ store })
    const [stranger, person] = [host.browser(), host.browser()]
    const page = await signInPage(host, stranger)
    for (const [name, value] of stranger.cookies) person.cookies.set(name, value)

    const answered = await person.submit(await person.get(page.url), { username: 'alice' })
    const stolen = await stranger.get(answered.location ?? '')
    assert.match(stolen.location ?? '', /\/auth\?.*curfew_again=1$/)
    assert.deepEqual(
      [...stranger.cookies.keys()].filter((name) => name.startsWith('curfew-sid-')),
      [],
    )
    const back = await person.follow(answered, host.origin)
    assert.match(back.location ?? '', /^https:\/\/wiki\.example\/callback\?.*code=/)
    assert.deepEqual(
      [...person.cookies.keys()].filter((name) => name.includes('return')),
      [],
      'used up',
    )

    const theirs = await signInPage(host, stranger)
    const theirAnswer = await stranger.submit(theirs, { username: 'bob' })
    const victim = host.browser()
    for (const [name, value] of stranger.cookies)
      if (!name.includes('return')) victim.cookies.set(name, value)
    assert.match((await victim.get(theirAnswer.location ?? '')).location ?? '', /\/auth\?/)
    assert.equal((await stranger.follow(theirAnswer, host.origin)).location?.includes('code='), true)
  })

  test('two requests that one browser answers side by side both go on', async () => {
    await using store = await database.open()
    await using host = await startOpHost({ store })
    const browser = host.browser()
    const first = await browser.follow(
      await browser.get(host.rp('wiki').authorizationUrl({ prompt: 'login' })),
      host.origin,
    )
    const kept = new Map(browser.cookies)
    const second = await browser.follow(
      await browser.get(host.rp('chat').authorizationUrl({ prompt: 'login' })),
      host.origin,
    )
    const secondAnswer = await browser.submit(second, { username: 'alice' })
    const own = [...browser.cookies].filter(([name]) => name.includes('return'))
    // a real browser keeps the engine's cookies apart by their paths
    for (const [name, value] of kept) browser.cookies.set(name, value)
    const firstBack = await browser.follow(await browser.submit(first, { username: 'alice' }), host.origin)
    assert.match(firstBack.location ?? '', /^https:\/\/wiki\.example\/callback\?.*code=/)
    assert.ok(own.every(([name]) => browser.cookie(name) !== undefined))
    assert.equal(secondAnswer.status, 303)
  })

  test('letting an interaction go on leaves the response alone', async () => {
    await using store = await database.open()
    await using host = await startOpHost({ store })
    const browser = host.browser()
    const page = await signInPage(host, browser)
    const seen: unknown[] = []
    await using server = createServer(async (req, res) => {
      const signedIn = { accountId: 'id-test-alice', rememberMe: false }
      const source = { ipAddress: undefined, userAgent: undefined }
      seen.push(await host.op.completeSignIn(host.realm(), req, res, signedIn, source))
      seen.push(res.headersSent, res.getHeader('location'))
      res.end()
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    await browser.get(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`)
    const [done, headersSent, location] = seen as [{ kind: string }, boolean, string | undefined]
    assert.equal(done.kind, 'continue')
    assert.equal(headersSent, false)
    assert.equal(location, undefined)
    assert.ok(page)
  })

  test('two realms on one host keep their sessions apart', async () => {
    await using store = await database.open()
    await using host = await startOpHost({ store, realmNames: ['test', 'other'] })
    const browser = host.browser()
    await host.rp('wiki').signIn(browser)
    const other = host.rp('wiki', { realm: 'other' })
    const page = await browser.follow(await browser.get(other.authorizationUrl()), host.origin)
    assert.match(page.text, /sign in/)
    await other.signIn(browser)
    const first = await browser.get(host.rp('wiki').authorizationUrl({ prompt: 'none' }))
    assert.ok(new URL(first.location as string).searchParams.get('code'))
    const rows = await sessions(store)
    assert.equal(rows.filter((row) => row.state === 'active').length, 2)
  })

  test('a disabled account is asked to sign in and its tokens are refused (CVE-2025-64521)', async () => {
    await using store = await database.open()
    await using host = await startOpHost({ store })
    const browser = host.browser()
    const tokens = await host.rp('wiki').signIn(browser)
    await store.transact(async (tx) => {
      await tx.db.updateTable('account').set({ enabled: 0 }).where('id', '=', 'id-test-alice').execute()
    })
    const refreshed = await host.rp('wiki').refresh(tokens.refresh_token)
    assert.equal(refreshed.status, 400)
    assert.equal(refreshed.body.error, 'invalid_grant')
    const silent = await browser.get(host.rp('wiki').authorizationUrl({ prompt: 'none' }))
    assert.equal(new URL(silent.location as string).searchParams.get('error'), 'login_required')
  })

  test('consent is asked for once and kept for the next session', async () => {
    await using store = await database.open()
    await using host = await startOpHost({ store, clients: [{ clientId: 'wiki', consentRequired: true }] })
    const sign = async (): Promise<Page> => {
      const browser = host.browser()
      const page = await signInPage(host, browser)
      return browser.follow(await browser.submit(page, { username: 'alice' }), host.origin)
    }
    const asked = await sign()
    assert.match(asked.text, /name="consent"/)
    const browser = host.browser()
    const page = await signInPage(host, browser)
    const consent = await browser.follow(await browser.submit(page, { username: 'alice' }), host.origin)
    const back = await browser.follow(await browser.submit(consent, { consent: 'yes' }), host.origin)
    assert.ok(back.location?.startsWith('https://wiki.example/callback'), back.text)
    assert.ok((await sign()).location?.startsWith('https://wiki.example/callback'))
  })
})
