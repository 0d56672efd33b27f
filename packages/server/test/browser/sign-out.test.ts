/** The path of a person in a real browser: sign in at an application on another origin, sign out, watch it happen. */
import assert from 'node:assert/strict'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, test } from 'node:test'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { launchBrowser } from '../support/browser.ts'
import { forEachDatabase } from '../support/database.ts'
import { testPassword } from '../support/realm-export.ts'
import { type Receiver, startReceiver } from '../support/receiver.ts'
import type { RelyingParty } from '../support/relying-party.ts'
import { startWholeServer, type WholeServer } from '../support/whole-server.ts'

forEachDatabase('a person in Chromium', (database) => {
  let browser: Browser
  let receiver: Receiver
  let world: WholeServer
  let application: Server
  let callback: string
  before(async () => {
    browser = await launchBrowser()
    receiver = await startReceiver()
    application = createServer((_request, response) => {
      response
        .writeHead(200, { 'content-type': 'text/html' })
        .end('<!doctype html><title>The application</title>')
    })
    await new Promise<void>((resolve) => application.listen(0, '127.0.0.1', resolve))
    callback = `http://127.0.0.1:${(application.address() as AddressInfo).port}/callback`
    const client = (clientId: string, attributes = {}) => ({
      clientId,
      redirectUri: callback,
      backchannelUrl: receiver.urlOf(clientId),
      attributes,
    })
    world = await startWholeServer(database, {
      clients: [
        client('wiki'),
        client('chat'),
        client('watchful', { 'curfew.result.page': 'on-failure' }),
        { clientId: 'erp', redirectUri: callback },
      ],
    })
  })
  after(async () => {
    await browser?.close()
    await world?.[Symbol.asyncDispose]()
    await receiver?.[Symbol.asyncDispose]()
    application?.closeAllConnections()
    await new Promise((resolve) => application?.close(resolve))
  })

  async function openBrowser(
    options: { javaScriptEnabled?: boolean } = {},
  ): Promise<{ context: BrowserContext; page: Page; complaints: string[] }> {
    const context = await browser.newContext(options)
    const page = await context.newPage()
    const complaints: string[] = []
    page.on('console', (message) => {
      if (/Content.Security|Refused|violat/i.test(message.text())) complaints.push(message.text())
    })
    page.on('pageerror', (error) => complaints.push(String(error)))
    return { context, page, complaints }
  }
  async function signIn(page: Page, ...clientIds: string[]): Promise<RelyingParty> {
    const rps = clientIds.map((clientId) => world.rp(clientId, callback))
    for (const rp of rps) {
      await page.goto(rp.authorizationUrl())
      if (await page.locator('#username').count()) {
        await page.fill('#username', 'alice')
        await page.fill('#password', testPassword)
        await page.click('button.primary')
      }
      await page.waitForURL(`${callback}*`)
    }
    world.pass(2000)
    return rps[0] as RelyingParty
  }
  const heading = (page: Page) => page.locator('h1').textContent()

  test('the form’s post ends at the application on another origin: form-action lets exactly it through', async () => {
    const { context, page, complaints } = await openBrowser()
    await signIn(page, 'wiki')
    assert.equal(await page.title(), 'The application')
    assert.deepEqual(complaints, [])
    await context.close()
  })

  test('the result turns green by itself when a stopped application comes back (I9)', async () => {
    const { context, page, complaints } = await openBrowser()
    const wiki = await signIn(page, 'wiki', 'chat', 'erp')
    receiver.behave('chat', 503)
    await page.goto(wiki.logoutUrl())
    await page.click('text=Sign out of all')
    assert.equal(await heading(page), 'Signed out of 1 of 3 applications')
    assert.equal(await page.locator('li.not_yet b').textContent(), 'chat')
    receiver.behave('chat', 200)
    await page.waitForSelector('li.signed_out:has-text("chat")', { timeout: 10_000 })
    await page.waitForFunction(
      "document.querySelector('h1').textContent === 'Signed out of 2 of 3 applications'",
    )
    assert.equal(await page.locator('[role=status]').textContent(), '2 done · 1 not supported')
    assert.equal(await page.locator('text=You can close this page').count(), 0)
    assert.deepEqual(complaints, [])
    await context.close()
  })

  test('without script the list is complete and reads itself again until it is settled', async () => {
    const { context, page } = await openBrowser({ javaScriptEnabled: false })
    const wiki = await signIn(page, 'wiki', 'chat')
    receiver.behave('chat', 503)
    await page.goto(wiki.logoutUrl())
    await page.click('text=Sign out of all')
    assert.equal(await heading(page), 'Signed out of 1 of 2 applications')
    receiver.behave('chat', 200)
    await page.locator('h1:has-text("2 of 2")').waitFor({ timeout: 15_000 })
    await context.close()
  })

  test('on-failure goes on to the application by itself once everything is green, with script and without', async () => {
    for (const javaScriptEnabled of [true, false]) {
      const { context, page } = await openBrowser({ javaScriptEnabled })
      const rp = await signIn(page, 'watchful', 'chat')
      receiver.behave('chat', 503)
      await page.goto(rp.logoutUrl({ client_id: 'watchful', post_logout_redirect_uri: callback }))
      await page.click('text=Sign out of all')
      assert.match(page.url(), /\/sign-out\/so_/)
      receiver.behave('chat', 200)
      await page.waitForURL(callback, { timeout: 15_000 })
      await context.close()
    }
  })

  test('a proxy that holds the stream back is noticed, and the page polls', async () => {
    const { context, page } = await openBrowser()
    const wiki = await signIn(page, 'wiki', 'chat')
    receiver.behave('chat', 503)
    await page.route('**/events', () => undefined)
    await page.goto(wiki.logoutUrl())
    await page.click('text=Sign out of all')
    receiver.behave('chat', 200)
    await page.locator('h1:has-text("2 of 2")').waitFor({ timeout: 15_000 })
    await context.close()
  })

  test('a stream that a proxy ends with an error, as while the server starts again, loses nothing (acceptance 11)', async () => {
    const { context, page } = await openBrowser()
    const wiki = await signIn(page, 'wiki', 'chat')
    receiver.behave('chat', 503)
    let streamCount = 0
    await page.route('**/events', (route) =>
      streamCount++ === 0
        ? route.fulfill({
            contentType: 'text/event-stream',
            body: 'retry: 100\nevent: snapshot\ndata: {}\n\n',
          })
        : route.fulfill({ status: 502, body: 'bad gateway' }),
    )
    await page.goto(wiki.logoutUrl())
    await page.click('text=Sign out of all')
    await page.locator('h1:has-text("1 of 2")').waitFor()
    receiver.behave('chat', 200)
    await page.locator('h1:has-text("2 of 2")').waitFor({ timeout: 15_000 })
    assert.equal(streamCount, 2)
    await context.close()
  })
})
