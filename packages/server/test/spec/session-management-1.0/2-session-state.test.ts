import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { forEachDatabase } from '../../support/database.ts'
import { type OpHost, startOpHost } from '../../support/op-host.ts'
import { passSignIn } from '../../support/relying-party.ts'

forEachDatabase('session_state of an authorization response', (database) => {
  test('SM-01, SM-04: every successful answer has it, made of the client, its origin and the browser state', async () => {
    await using host = await startOpHost({ store: await database.open() })
    const browser = host.browser()
    await host.rp('wiki').signIn(browser)
    const wiki = host.rp('wiki')
    const answer = await browser.get(wiki.authorizationUrl())
    const value = paramOf(answer.location, 'session_state')
    assert.equal(value, recomputed(value, 'wiki', wiki.redirectUri, stateCookieOf(host, browser)))
    const again = paramOf((await browser.get(wiki.authorizationUrl())).location, 'session_state')
    assert.notEqual(again, value, 'SM-13: a fresh salt each time')
    assert.doesNotMatch(value, / /, 'SM-03')
  })

  test('SM-12: the browser state is another one after the next sign-in', async () => {
    await using host = await startOpHost({ store: await database.open() })
    const browser = host.browser()
    await host.rp('wiki').signIn(browser)
    const first = stateCookieOf(host, browser)
    const page = await browser.get(host.rp('wiki').authorizationUrl({ prompt: 'login' }))
    await passSignIn(browser, page, host.realm().issuer, 'alice')
    assert.notEqual(stateCookieOf(host, browser), first)
  })

  test('SM-02: an error has it too, with the empty browser state where nobody is signed in', async () => {
    await using host = await startOpHost({ store: await database.open() })
    const wiki = host.rp('wiki')
    for (const responseMode of ['query', 'fragment']) {
      const { location } = await host
        .browser()
        .get(wiki.authorizationUrl({ prompt: 'none', response_mode: responseMode }))
      assert.equal(paramOf(location, 'error'), 'login_required')
      const value = paramOf(location, 'session_state')
      assert.equal(value, recomputed(value, 'wiki', wiki.redirectUri, ''))
    }
  })
})

function paramOf(location: string | undefined, name: string): string {
  const url = new URL(location ?? '')
  const value = url.searchParams.get(name) ?? new URLSearchParams(url.hash.slice(1)).get(name)
  assert.ok(value, `${name} in ${location}`)
  return value
}

/** As the frame does it: Session Management 1.0 §3.2. */
function recomputed(value: string, clientId: string, redirectUri: string, state: string): string {
  const [, salt] = value.split('.')
  const text = `${clientId} ${new URL(redirectUri).origin} ${state} ${salt}`
  return `${createHash('sha256').update(text).digest('base64url')}.${salt}`
}

function stateCookieOf(host: OpHost, browser: ReturnType<OpHost['browser']>): string {
  return browser.cookies.get(`curfew-state-${host.realm().cookieKey}`) ?? ''
}
