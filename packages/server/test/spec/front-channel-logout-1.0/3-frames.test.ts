/** The page with the frames in a real browser: it goes on as soon as the frames have loaded, and never waits for long. */
import assert from 'node:assert/strict'
import { createServer, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { Script } from 'node:vm'
import type { Browser, Page } from 'playwright-core'
import { framesScript } from '../../../src/page/resources.ts'
import { launchBrowser } from '../../support/browser.ts'
import { forEachDatabase } from '../../support/database.ts'
import { testPassword } from '../../support/realm-export.ts'
import { startWholeServer, type WholeServer } from '../../support/whole-server.ts'

forEachDatabase('Front-Channel Logout 1.0 §3 in Chromium', (database) => {
  let browser: Browser
  let application: Server
  let origin: string
  let world: WholeServer
  const framed: URL[] = []
  const hanging: ServerResponse[] = []
  before(async () => {
    browser = await launchBrowser()
    application = createServer((request, response) => {
      const url = new URL(request.url ?? '/', origin)
      if (url.pathname === '/out') framed.push(url)
      if (url.searchParams.has('hang')) hanging.push(response)
      else
        response.setHeader('content-type', 'text/html').end('<!doctype html><title>The application</title>')
    })
    await new Promise<void>((resolve) => application.listen(0, '127.0.0.1', resolve))
    origin = `http://127.0.0.1:${(application.address() as AddressInfo).port}`
    const client = (clientId: string, query = '') => ({
      clientId,
      redirectUri: `${origin}/callback`,
      frontchannelLogout: true,
      attributes: {
        'frontchannel.logout.url': `${origin}/out?of=${clientId}${query}`,
        'frontchannel.logout.session.required': 'true',
      },
    })
    world = await startWholeServer(database, {
      clients: [client('wiki'), client('chat'), client('stuck', '&hang=1')],
    })
  })
  after(async () => {
    await browser?.close()
    await world?.[Symbol.asyncDispose]()
    application?.closeAllConnections()
    await new Promise((resolve) => application?.close(resolve))
  })

  async function signIn(page: Page, clientId: string): Promise<string> {
    const rp = world.rp(clientId, `${origin}/callback`)
    await page.goto(rp.authorizationUrl())
    if (await page.locator('#username').count()) {
      await page.fill('#username', 'alice')
      await page.fill('#password', testPassword)
      await page.click('form button.primary')
    }
    await page.waitForURL(/\/callback\?/)
    return (await rp.exchange(page.url())).body.id_token ?? ''
  }

  /** How long the way back took, in ms. */
  async function signOut(page: Page, idToken: string): Promise<number> {
    const startedAt = performance.now()
    const uri = `${origin}/callback`
    await page.goto(
      world.rp('wiki').logoutUrl({ id_token_hint: idToken, post_logout_redirect_uri: uri, state: 'x' }),
    )
    await page.waitForURL(`${uri}?state=x`, { timeout: 15_000 })
    return performance.now() - startedAt
  }

  test('oidcc-frontchannel-rp-initiated-logout: each application has its frame with iss and sid, and the way back follows at once (FCL-03, FCL-04, RIL-21)', async () => {
    framed.length = 0
    const page = await browser.newPage()
    await signIn(page, 'chat')
    const tookMs = await signOut(page, await signIn(page, 'wiki'))
    assert.deepEqual(framed.map((url) => url.searchParams.get('of')).sort(), ['chat', 'wiki'])
    for (const { searchParams } of framed) {
      assert.deepEqual([...searchParams.keys()], ['of', 'iss', 'sid'])
      assert.equal(searchParams.get('iss'), world.issuer)
    }
    assert.ok(tookMs < 4000, `${tookMs} ms`)
    await page.close()
  })

  test('a frame that never answers holds the person for five seconds and no longer (FCL-14, SR-11)', async () => {
    const page = await browser.newPage()
    const tookMs = await signOut(page, await signIn(page, 'stuck'))
    assert.ok(tookMs >= 4500 && tookMs < 9000, `${tookMs} ms`)
    for (const response of hanging.splice(0)) response.destroy()
    await page.close()
  })

  test('without script the page goes on by itself (CONF-02)', async () => {
    framed.length = 0
    const context = await browser.newContext({ javaScriptEnabled: false })
    const page = await context.newPage()
    await signOut(page, await signIn(page, 'wiki'))
    assert.equal(framed.length, 1)
    await context.close()
  })
})

describe('the script of the page with the frames', () => {
  test('is a plain script, for engines that know no modules (CONF-02)', () => {
    assert.doesNotThrow(() => new Script(framesScript.body))
    assert.doesNotMatch(framesScript.body, /\bawait\b|\?\.|\.\.\./)
  })
})
