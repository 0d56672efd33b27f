/** The three Node applications, each in its own process, on a bare oidc-provider. */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import { after, before, describe, test } from 'node:test'
import { type BareServer, startBareServer } from './bare-server.ts'
import { type Browser, createBrowser } from './browser.ts'
import { freePort } from './free-port.ts'

const examples = path.resolve(import.meta.dirname, '../..')

for (const name of ['wiki', 'chat', 'files']) {
  describe(`the application ${name}`, () => {
    let server: BareServer
    let application: ChildProcess
    let baseUrl: string

    before(async () => {
      const port = await freePort()
      baseUrl = `http://localhost:${port}`
      const clientSecret = 'a secret of thirty-two characters'
      server = await startBareServer([{ clientId: name, clientSecret, baseUrl }])
      const env = { ...process.env, ISSUER: server.issuer, CLIENT_SECRET: clientSecret, PORT: String(port) }
      const args = ['-C', '@curfew/source', path.join(examples, name, `${name}.ts`)]
      application = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'inherit'] })
      await once(application.stdout ?? application, 'data')
    })

    after(async () => {
      application.kill('SIGTERM')
      await once(application, 'exit')
      await server[Symbol.asyncDispose]()
    })

    const signedIn = async (): Promise<Browser> => {
      const browser = createBrowser()
      const { url, status } = await browser.open(`${baseUrl}/sign-in`)
      assert.equal(status, 200)
      assert.equal(url, `${baseUrl}/`)
      return browser
    }

    const post = (token: string, init: RequestInit = {}): Promise<Response> =>
      fetch(`${baseUrl}/backchannel-logout`, {
        method: 'POST',
        body: new URLSearchParams({ logout_token: token }),
        ...init,
      })

    const state = async (browser: Browser): Promise<{ signedIn: boolean; name: string }> =>
      (await browser.json(`${baseUrl}/state`)) as { signedIn: boolean; name: string }

    test('signs in and says who it is', async () => {
      const browser = await signedIn()
      assert.deepEqual(await state(browser), { signedIn: true, name: 'Alice Adams' })
      const { text } = await browser.open(`${baseUrl}/`)
      assert.match(text, /Signed in as <strong id="name">Alice Adams/)
      assert.deepEqual(await state(createBrowser()), { signedIn: false, name: '' })
    })

    test('ends the session that a logout token names, at once and with 2xx (BCL-60)', async () => {
      const browser = await signedIn()
      const answer = await post(await server.logoutToken(name, { sub: 'alice' }))
      assert.ok(answer.status === 200 || answer.status === 204)
      assert.equal(answer.headers.get('cache-control'), 'no-store')
      assert.deepEqual(await state(browser), { signedIn: false, name: '' })
    })

    test('refuses a token for another application with 400, and the session stays (BCL-44, BCL-50)', async () => {
      const browser = await signedIn()
      assert.equal((await post(await server.logoutToken('another', { sub: 'alice' }))).status, 400)
      assert.equal((await post('no token')).status, 400)
      assert.equal((await state(browser)).signedIn, true)
    })

    test('tells its open pages to look again when it was told of a sign-out', async () => {
      const browser = await signedIn()
      const abort = new AbortController()
      const live = await fetch(`${baseUrl}/live`, { signal: abort.signal })
      const reader = live.body?.getReader()
      assert.match(new TextDecoder().decode((await reader?.read())?.value), /retry/)
      await post(await server.logoutToken(name, { sub: 'alice' }))
      assert.match(new TextDecoder().decode((await reader?.read())?.value), /look again/)
      abort.abort()
      assert.equal((await state(browser)).signedIn, false)
    })

    test('sends the person who signs out here to the server, with the way back', async () => {
      const browser = await signedIn()
      const { url } = await browser.open(`${baseUrl}/sign-out`, { method: 'POST' })
      assert.ok(url.startsWith(`${server.issuer}/session/end?`), url)
      assert.ok(new URL(url).searchParams.get('id_token_hint'))
      assert.ok(new URL(url).searchParams.get('post_logout_redirect_uri')?.startsWith(baseUrl))
      assert.equal((await state(browser)).signedIn, false)
    })

    test('can be broken in three ways, and mended', async () => {
      const token = await server.logoutToken(name, { sub: 'alice' })
      const breakIt = async (mode: string): Promise<number> =>
        (
          await fetch(`${baseUrl}/break`, {
            method: 'POST',
            body: new URLSearchParams({ mode }),
            redirect: 'manual',
          })
        ).status
      assert.equal(await breakIt('refusing'), 303)
      assert.equal((await post(token)).status, 400)
      await breakIt('sign-in-page')
      assert.equal((await post(token, { redirect: 'manual' })).status, 302)
      await breakIt('silent')
      await assert.rejects(post(token, { signal: AbortSignal.timeout(300) }), { name: 'TimeoutError' })
      assert.equal(await breakIt('unheard-of'), 400)
      await breakIt('working')
      assert.ok((await post(token)).ok)
    })
  })
}
