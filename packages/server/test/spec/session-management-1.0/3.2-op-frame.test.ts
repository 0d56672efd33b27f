import assert from 'node:assert/strict'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, test } from 'node:test'
import type { Browser, Page } from 'playwright-core'
import { systemRandom } from '../../../src/ambient/random.ts'
import { sessionCookieName } from '../../../src/op/engine-cookie.ts'
import { newSessionState } from '../../../src/op/session-frame/session-state.ts'
import { launchBrowser } from '../../support/browser.ts'
import { forEachDatabase } from '../../support/database.ts'
import { openProtocolWorld, type ProtocolWorld } from '../../support/protocol-world.ts'
import { someClient } from '../../support/realm-in-memory.ts'

const frame = '/realms/demo/protocol/openid-connect/login-status-iframe.html'

forEachDatabase(
  'Session Management 1.0 §3: an application’s page with an RP frame beside the OP frame',
  (database) => {
    // what a browser does is the same on both databases
    if (database.dialect !== 'sqlite') return
    let browser: Browser & AsyncDisposable
    before(async () => {
      browser = await launchBrowser()
    })
    after(() => browser[Symbol.asyncDispose]())

    test('oidcc-session-management-rp-initiated-logout: the RP frame hears unchanged while the session lives and changed after it, without web origins (SM-05, SM-10, SM-11)', async () => {
      await using stage = await openStage()
      const session = await stage.world.signIn(['app'])
      await stage.setSessionCookie(session.cookie)
      const state = newSessionState(systemRandom, {
        clientId: 'app',
        redirectUri: `${stage.origin}/callback`,
        sessionCookieValue: session.cookie,
      })
      assert.equal(await stage.ask(stage.origin, `app ${state}`), 'unchanged')
      assert.equal(await stage.ask(stage.origin, `other ${state}`), 'changed', 'made for another client')
      await stage.page.context().clearCookies()
      assert.equal(await stage.ask(stage.origin, `app ${state}`), 'changed')
    })

    test('a state without a session is unchanged until somebody signs in (SM-02)', async () => {
      await using stage = await openStage()
      const redirectUri = `${stage.origin}/callback`
      const state = newSessionState(systemRandom, { clientId: 'app', redirectUri, sessionCookieValue: '' })
      assert.equal(await stage.ask(stage.origin, `app ${state}`), 'unchanged')
      await stage.setSessionCookie((await stage.world.signIn(['app'])).cookie)
      assert.equal(await stage.ask(stage.origin, `app ${state}`), 'changed')
    })

    test('a frame of another origin in the same page hears nothing (SM-10)', async () => {
      await using stage = await openStage()
      assert.equal(await stage.ask(stage.foreignOrigin, 'app hash.salt'), 'no answer')
    })

    interface Stage extends AsyncDisposable {
      readonly world: ProtocolWorld
      readonly page: Page
      readonly origin: string
      readonly foreignOrigin: string
      setSessionCookie(value: string): Promise<void>
      /** Opens the page anew and lets the RP frame at this origin send the message; its answer within 2 s. */
      ask(rpOrigin: string, message: string): Promise<string>
    }

    /** The server and an application of the same site; the foreign frame is the application's server by another name. */
    async function openStage(): Promise<Stage> {
      const applications = createServer((request, response) => {
        const query = new URL(request.url ?? '/', 'http://app').searchParams
        response.setHeader('content-type', 'text/html')
        response.end(request.url?.startsWith('/rp') ? rpFrame : applicationPage(query))
      })
      await new Promise<void>((resolve) => applications.listen(0, '0.0.0.0', resolve))
      const { port } = applications.address() as AddressInfo
      const world = await openProtocolWorld(database, { clients: [someClient({ clientId: 'app' })] })
      await world.app.listen({ port: 0, host: '127.0.0.1' })
      const base = `http://127.0.0.1:${(world.app.server.address() as AddressInfo).port}`
      world.realm = { ...world.realm, issuer: `${base}/realms/demo` }
      const context = await browser.newContext()
      const page = await context.newPage()
      const origin = `http://127.0.0.1:${port}`
      return {
        world,
        page,
        origin,
        foreignOrigin: `http://localhost:${port}`,
        async setSessionCookie(value) {
          await context.addCookies([
            { name: sessionCookieName(world.realm), value, url: base, httpOnly: true, sameSite: 'Lax' },
          ])
        },
        async ask(rpOrigin, message) {
          const query = new URLSearchParams({ op: `${base}${frame}`, rp: `${rpOrigin}/rp`, message })
          await page.goto(`${origin}/page?${query}`)
          return page.evaluate(() => (globalThis as unknown as { heard: Promise<string> }).heard)
        },
        async [Symbol.asyncDispose]() {
          await context.close()
          await closeServer(applications)
          await world[Symbol.asyncDispose]()
        },
      }
    }
  },
)

/** Both frames loaded, it hands the message to the RP frame and waits for what that one heard. */
function applicationPage(query: URLSearchParams): string {
  const message = JSON.stringify(query.get('message'))
  return `<!doctype html><iframe src="${query.get('op')}"></iframe><iframe src="${query.get('rp')}"></iframe><script>
    globalThis.heard = new Promise((resolve) => {
      addEventListener('message', (event) => resolve(event.data))
      addEventListener('load', () => frames[1].postMessage(${message}, '*'))
      setTimeout(() => resolve('no answer'), 2000)
    })
  </script>`
}

/** §3.1: it speaks with its sibling, the OP frame, and tells its page what it heard. */
const rpFrame = `<!doctype html><script>
  addEventListener('message', (event) => {
    if (event.source === parent) parent.frames[0].postMessage(event.data, '*')
    else parent.postMessage(event.data, '*')
  })
</script>`

function closeServer(server: Server): Promise<void> {
  server.closeAllConnections()
  return new Promise((resolve) => server.close(() => resolve()))
}
