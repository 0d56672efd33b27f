import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { signInAsAdministrator } from '../support/administrator.ts'
import { launchBrowser } from '../support/browser.ts'
import { testPassword } from '../support/realm-export.ts'
import type { WholeServer } from '../support/whole-server.ts'
import { startClientServer } from './client-server.ts'
import { startWebApplication, type WebApplication } from './web-application.ts'

const adapter = fileURLToPath(import.meta.resolve('keycloak-js'))

/** `/plain` asks by redirects and has no session iframe; `/frame` has both iframes of the adapter. */
const page = (issuer: string): string => `<!doctype html><title>The application</title><script type="module">
import Keycloak from '/keycloak.js'
const isFramed = location.pathname === '/frame'
const kc = (window.kc = new Keycloak({ url: '${new URL(issuer).origin}', realm: 'test', clientId: 'spa' }))
window.happened = []
for (const name of ['onAuthLogout', 'onAuthRefreshSuccess', 'onAuthRefreshError']) kc[name] = () => happened.push(name)
kc.init({
  onLoad: 'check-sso',
  checkLoginIframe: isFramed,
  checkLoginIframeInterval: 1,
  ...(isFramed ? { silentCheckSsoRedirectUri: location.origin + '/silent' } : {}),
}).then((isSignedIn) => { document.title = isSignedIn ? 'in' : 'out' }, (error) => { document.title = 'failed ' + JSON.stringify(error) })
</script>`

describe('keycloak-js 26.2.4 in Chromium, as its authors publish it', () => {
  let browser: Browser
  let application: WebApplication
  let foreignUrl: string
  let world: WholeServer
  before(async () => {
    browser = await launchBrowser()
    application = await startWebApplication()
    const { url, routes } = application
    foreignUrl = url.replace('localhost', '127.0.0.1')
    const representation = { redirectUris: [`${url}/*`, `${foreignUrl}/*`] }
    const spa = { clientId: 'spa', publicClient: true, representation }
    world = await startClientServer([spa, { clientId: 'chat', redirectUri: `${url}/callback` }])
    routes.get('/keycloak.js', (_request, response) => response.sendFile(adapter))
    routes.get('/silent', (_request, response) => {
      response.send('<!doctype html><script>parent.postMessage(location.href, location.origin)</script>')
    })
    routes.get('/callback', (_request, response) => void response.send('<!doctype html><title>chat</title>'))
    routes.get(['/plain', '/frame'], (_request, response) => void response.send(page(world.issuer)))
  })
  after(async () => {
    await browser?.close()
    await world?.[Symbol.asyncDispose]()
    await application?.[Symbol.asyncDispose]()
  })

  const settled = (tab: Page, title: 'in' | 'out') =>
    tab.waitForFunction(`/^(in|out|failed)/.test(document.title) && document.title`).then(async (handle) => {
      assert.equal(await handle.jsonValue(), title)
    })
  async function open(
    path: '/plain' | '/frame',
    base = application.url,
  ): Promise<{ context: BrowserContext; tab: Page }> {
    const context = await browser.newContext()
    const tab = await context.newPage()
    await tab.goto(base + path)
    await settled(tab, 'out')
    return { context, tab }
  }
  async function signIn(tab: Page, username = 'alice'): Promise<void> {
    await tab.evaluate('void kc.login()')
    await tab.waitForSelector('#username')
    await tab.fill('#username', username)
    await tab.fill('#password', testPassword)
    await tab.click('button.primary')
    await tab.waitForURL((url) => url.port === new URL(application.url).port)
    await settled(tab, 'in')
  }

  test('check-sso is silent, login comes back to the page, and userinfo is read across origins (KK-20, KK-22, KK-27)', async () => {
    const { context, tab } = await open('/frame')
    await signIn(tab)
    assert.equal(await tab.evaluate('kc.tokenParsed.preferred_username'), 'alice')
    assert.equal(await tab.evaluate('kc.refreshTokenParsed.typ'), 'Refresh')
    assert.equal(await tab.evaluate('kc.loadUserInfo().then((info) => info.email)'), 'alice@example.org')
    assert.equal(tab.url(), `${application.url}/frame`, 'what the server added is out of the address')
    await tab.reload()
    await settled(tab, 'in')
    await context.close()
  })

  test('a page that routes by its fragment signs in and out: the adapter sends the whole address (KK-20, KK-28)', async () => {
    const { context, tab } = await open('/plain')
    await tab.evaluate("location.hash = '#/inbox'")
    await signIn(tab)
    await tab.evaluate("location.hash = '#/inbox'")
    await tab.evaluate('void kc.logout()')
    await tab.waitForFunction("document.title === 'out'")
    assert.equal(new URL(tab.url()).pathname, '/plain')
    await context.close()
  })

  test('a sign-out in a second tab is noticed by the session iframe: onAuthLogout (KK-25, KK-26)', async () => {
    const { context, tab } = await open('/frame')
    await signIn(tab)
    const other = await context.newPage()
    await other.goto(world.rp('chat').logoutUrl())
    await other.click('button.primary')
    await tab.waitForFunction("happened.includes('onAuthLogout')", undefined, { timeout: 10_000 })
    assert.equal(await tab.evaluate('kc.authenticated'), false)
    await context.close()
  })

  test('on another site, where a frame of ours gets no cookie, the probe says so and it works without frames (KK-26)', async () => {
    const { context, tab } = await open('/frame', foreignUrl)
    await signIn(tab)
    assert.equal(await tab.locator('iframe').count(), 0)
    assert.equal(await tab.evaluate('kc.updateToken(-1)'), true)
    await context.close()
  })

  test('updateToken(-1) refreshes while the session lives; after a sign-out by an administrator it is told 400: onAuthLogout (KK-03, KK-22)', async () => {
    const { context, tab } = await open('/plain')
    await signIn(tab, 'bob')
    assert.equal(await tab.evaluate('kc.updateToken(-1)'), true)
    assert.equal(await tab.evaluate('kc.updateToken(-1)'), true)
    const administrator = await signInAsAdministrator(world.url)
    const { body } = await administrator.get('test/users?username=bob&exact=true')
    assert.equal((await administrator.post(`test/users/${body[0].id}/logout`)).status, 204)
    assert.equal(await tab.evaluate("kc.updateToken(-1).then(() => 'refreshed', () => 'refused')"), 'refused')
    assert.deepEqual(await tab.evaluate("happened.filter((name) => name !== 'onAuthRefreshSuccess')"), [
      'onAuthLogout',
      'onAuthRefreshError',
    ])
    await context.close()
  })

  for (const logoutMethod of ['GET', 'POST']) {
    test(`logout by ${logoutMethod} ends the session of the server and comes back (KK-28)`, async () => {
      const { context, tab } = await open('/plain')
      await signIn(tab)
      await tab.evaluate(`void kc.logout({ logoutMethod: '${logoutMethod}' })`)
      await tab.waitForFunction("document.title === 'out'")
      assert.equal(new URL(tab.url()).pathname, '/plain')
      await tab.evaluate('void kc.login()')
      await tab.waitForSelector('#password')
      await context.close()
    })
  }
})
