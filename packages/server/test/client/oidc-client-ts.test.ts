import assert from 'node:assert/strict'
import path from 'node:path'
import { after, before, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import type { Browser, Page } from 'playwright-core'
import { launchBrowser } from '../support/browser.ts'
import { testPassword } from '../support/realm-export.ts'
import type { WholeServer } from '../support/whole-server.ts'
import { startClientServer } from './client-server.ts'
import { startWebApplication, type WebApplication } from './web-application.ts'

const bundle = path.join(
  fileURLToPath(import.meta.resolve('oidc-client-ts')),
  '../../browser/oidc-client-ts.min.js',
)

const page = (issuer: string): string => `<!doctype html><title>The application</title>
<script src="/oidc-client-ts.js"></script><script>
const here = location.origin + '/page'
window.manager = new oidc.UserManager({
  authority: '${issuer}', client_id: 'spa', scope: 'openid email',
  redirect_uri: here, popup_redirect_uri: here, silent_redirect_uri: here,
  post_logout_redirect_uri: here, popup_post_logout_redirect_uri: here,
})
const query = new URLSearchParams(location.search)
if (query.has('code') || query.has('error')) void manager.signinCallback()
else if (window.opener) void manager.signoutCallback()
</script><button id="in" onclick="window.answer = manager.signinPopup()">In</button>
<button id="out" onclick="window.answer = manager.signoutPopup()">Out</button>`

describe('oidc-client-ts 3.5.0 in Chromium, as its authors publish it', () => {
  let browser: Browser
  let application: WebApplication
  let world: WholeServer
  before(async () => {
    browser = await launchBrowser()
    application = await startWebApplication()
    const { url, routes } = application
    world = await startClientServer([{ clientId: 'spa', publicClient: true, redirectUri: `${url}/page` }])
    routes.get('/oidc-client-ts.js', (_request, response) => response.sendFile(bundle))
    routes.get('/page', (_request, response) => void response.send(page(world.issuer)))
  })
  after(async () => {
    await browser?.close()
    await world?.[Symbol.asyncDispose]()
    await application?.[Symbol.asyncDispose]()
  })

  async function popupOf(tab: Page, button: string): Promise<Page> {
    const [popup] = await Promise.all([tab.waitForEvent('popup'), tab.click(button)])
    return popup
  }

  test('signs in by a popup, refreshes with the scope that it was told, and signs out by a popup: our pages keep their opener', async () => {
    const context = await browser.newContext()
    const tab = await context.newPage()
    await tab.goto(`${application.url}/page`)
    const signIn = await popupOf(tab, '#in')
    await signIn.waitForSelector('#username')
    assert.equal(await signIn.evaluate('opener !== null'), true)
    await signIn.fill('#username', 'alice')
    await signIn.fill('#password', testPassword)
    await signIn.click('button.primary')
    assert.equal(await tab.evaluate('answer.then((user) => user.profile.email)'), 'alice@example.org')
    assert.equal(
      await tab.evaluate('manager.signinSilent().then((user) => user.profile.email)'),
      'alice@example.org',
    )
    await popupOf(tab, '#out')
    assert.equal(await tab.evaluate("answer.then(() => 'out')"), 'out')
    assert.equal(await tab.evaluate('manager.getUser()'), null)
    await context.close()
  })
})
