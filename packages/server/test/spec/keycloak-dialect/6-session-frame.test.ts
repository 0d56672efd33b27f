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
import { openProtocolWorld, type ProtocolWorld, type SignedIn } from '../../support/protocol-world.ts'
import { someClient } from '../../support/realm-in-memory.ts'

const frame = '/realms/demo/protocol/openid-connect/login-status-iframe.html'
const probe = '/realms/demo/protocol/openid-connect/3p-cookies/step1.html'

forEachDatabase('keycloak-dialect §6: the session frame on the wire', (database) => {
  test('KI-01, KI-13, SEC-10: framable by anybody, script by nonce, kept only with ?version=', async () => {
    await using world = await openProtocolWorld(database)
    const answer = await world.get(frame)
    assert.equal(answer.statusCode, 200)
    assert.equal(answer.headers['x-frame-options'], undefined)
    const policy = String(answer.headers['content-security-policy'])
    assert.doesNotMatch(policy, /frame-ancestors|unsafe/)
    const [, nonce] = /script-src 'nonce-([\w-]+)'/.exec(policy) ?? []
    assert.ok(nonce && answer.body.includes(`<script nonce="${nonce}">`))
    assert.equal(answer.headers['cache-control'], 'no-store')
    assert.match(String((await world.get(`${frame}?version=1`)).headers['cache-control']), /max-age=/)
  })

  test('KI-02: init is 204 for registered origins and our own, else 403', async () => {
    await using world = await openProtocolWorld(database)
    const init = async (clientId: string, origin: string): Promise<number> =>
      (await world.get(`${frame}/init?${new URLSearchParams({ client_id: clientId, origin })}`)).statusCode
    assert.equal(await init('wiki', 'https://wiki.example'), 204)
    assert.equal(await init('wiki', 'https://id.example'), 204)
    assert.equal(await init('wiki', 'https://spa.example'), 403)
    assert.equal(await init('nobody', 'https://wiki.example'), 403)
    assert.equal(await init('wiki', 'null'), 403)
  })

  test("KI-07, KI-08, KI-11: check follows the session's row, and the browser's session when its cookie comes along", async () => {
    await using world = await openProtocolWorld(database)
    const mine = await world.signIn(['wiki'])
    const other = await world.signIn(['wiki'])
    const check = async (session: SignedIn, cookie?: string, clientId = 'wiki'): Promise<string> => {
      const query = new URLSearchParams({
        client_id: clientId,
        origin: `https://${clientId}.example`,
        sid: session.sid('wiki'),
      })
      const headers = cookie === undefined ? {} : { cookie: `${sessionCookieName(world.realm)}=${cookie}` }
      return (await world.get(`${frame}/check?${query}`, headers)).json().status
    }
    assert.equal(await check(mine, mine.cookie), 'unchanged')
    assert.equal(await check(mine), 'unchanged')
    assert.equal(await check(mine, other.cookie), 'changed', 'another session in this browser')
    assert.equal(await check(mine, mine.cookie, 'spa'), 'changed', "another client's sid")
    await world.store.transact((tx) =>
      tx.db
        .updateTable('session')
        .set({ state: 'ended', ended_at: world.at })
        .where('uid', '=', mine.uid)
        .execute(),
    )
    assert.equal(await check(mine, mine.cookie), 'changed')
  })

  test('SR-23: a realm can switch the frame off', async () => {
    await using world = await openProtocolWorld(database, { attributes: { 'curfew.session.frame': 'false' } })
    assert.equal((await world.get(frame)).statusCode, 404)
  })
})

forEachDatabase('keycloak-dialect §6: the session frame in a browser', (database) => {
  // what a browser does is the same on both databases
  if (database.dialect !== 'sqlite') return
  let browser: Browser & AsyncDisposable
  before(async () => {
    browser = await launchBrowser()
  })
  after(() => browser[Symbol.asyncDispose]())

  test('KI-04 to KI-09, KI-11: the frame tells signed in, signed out, another session and another client apart', async () => {
    await using stage = await openStage(database)
    const { world, page, ask } = stage
    const session = await world.signIn(['app'])
    const sid = session.sid('app')
    await stage.open('127.0.0.1')
    assert.equal(await ask('app '), 'unchanged', 'KI-05: no session, empty state')
    assert.equal(await ask(`app ${sid}`), 'changed', 'KI-06: no session, state given')

    await stage.setSessionCookie(session.cookie)
    await stage.open('127.0.0.1')
    assert.equal(await ask(`app ${sid}`), 'unchanged', 'KI-08')
    assert.equal(await ask('app '), 'changed', 'KI-07: session, empty state')
    assert.equal(await ask('app another'), 'changed', 'KI-07: state of another session')
    assert.equal(await ask(`spa ${sid}`), 'error', 'KI-09: another client than the first')
    for (const ignored of ['app', 'app a b', ' x', ''])
      assert.equal(await ask(ignored, 500), 'no answer', `KI-03: "${ignored}"`)

    const state = newSessionState(systemRandom, {
      clientId: 'app',
      redirectUri: `${stage.appOrigin('127.0.0.1')}/cb`,
      sessionCookieValue: session.cookie,
    })
    assert.equal(await ask(`app ${state}`), 'unchanged', 'SM-05: the hash, recomputed')
    assert.equal(await ask(`app ${state.slice(0, -1)}x`), 'changed', 'SM-11')

    assert.equal(await ask(`app ${sid}`), 'unchanged')
    await world.store.transact((tx) =>
      tx.db.updateTable('session').set({ state: 'ended', ended_at: world.at }).execute(),
    )
    assert.equal(await ask(`app ${sid}`), 'unchanged', 'asked again after 15 s at the earliest')
    await page.clock.fastForward(15_001)
    assert.equal(await ask(`app ${sid}`), 'changed', 'KI-11: an administrator ended it')
  })

  test('KI-09: a page of an origin that is not registered gets error', async () => {
    await using stage = await openStage(database)
    stage.world.realm = { ...stage.world.realm, clients: new Map([['app', someClient({ clientId: 'app' })]]) }
    await stage.open('127.0.0.1')
    assert.equal(await stage.ask('app x'), 'error')
  })

  test('KI-12, KK-26: the probe says supported on the same site and unsupported on another', async () => {
    await using stage = await openStage(database)
    assert.equal(await stage.probe('127.0.0.1'), 'supported')
    assert.equal(await stage.probe('localhost'), 'unsupported')
    assert.deepEqual(stage.complaints, [], 'nothing is blocked by the policy')
  })

  interface Stage extends AsyncDisposable {
    readonly world: ProtocolWorld
    readonly page: Page
    readonly complaints: string[]
    appOrigin(host: string): string
    open(host: string): Promise<void>
    /** What the frame answered within the time, 10 s unless told. */
    ask(message: string, patienceMs?: number): Promise<string>
    probe(host: string): Promise<string>
    setSessionCookie(value: string): Promise<void>
  }

  /** The server at 127.0.0.1 and an application's page at another port, of the same site or of another. */
  async function openStage(on: typeof database): Promise<Stage> {
    const applications = createServer((request, response) => {
      response.setHeader('content-type', 'text/html')
      response.end(request.url?.startsWith('/app') ? appPage(String(request.url).slice('/app?'.length)) : '')
    })
    await new Promise<void>((resolve) => applications.listen(0, '0.0.0.0', resolve))
    const appOrigin = (host: string): string =>
      `http://${host}:${(applications.address() as AddressInfo).port}`
    const app = someClient({ clientId: 'app', webOrigins: [appOrigin('127.0.0.1'), appOrigin('localhost')] })
    const spa = someClient({ clientId: 'spa', webOrigins: [appOrigin('127.0.0.1')] })
    const world = await openProtocolWorld(on, { clients: [app, spa] })
    await world.app.listen({ port: 0, host: '127.0.0.1' })
    const base = `http://127.0.0.1:${(world.app.server.address() as AddressInfo).port}`
    world.realm = { ...world.realm, issuer: `${base}/realms/demo` }
    const context = await browser.newContext()
    const page = await context.newPage()
    await page.clock.install()
    const complaints: string[] = []
    page.on('console', (message) => {
      if (/Content Security Policy/.test(message.text())) complaints.push(message.text())
    })
    const show = async (host: string, path: string): Promise<void> => {
      await page.goto(`${appOrigin(host)}/app?${base}${path}`)
    }
    return {
      world,
      page,
      complaints,
      appOrigin,
      open: (host) => show(host, frame),
      ask: (message, patienceMs = 10_000) =>
        page.evaluate(([text, ms]) => (globalThis as unknown as Asking).ask(text, ms), [
          message,
          patienceMs,
        ] as const),
      async probe(host) {
        await show(host, probe)
        return page.evaluate(() => (globalThis as unknown as Asking).heard)
      },
      async setSessionCookie(value) {
        await context.addCookies([
          { name: sessionCookieName(world.realm), value, url: base, httpOnly: true, sameSite: 'Lax' },
        ])
      },
      async [Symbol.asyncDispose]() {
        await context.close()
        await closeServer(applications)
        await world[Symbol.asyncDispose]()
      },
    }
  }
})

interface Asking {
  ask(message: string, patienceMs: number): Promise<string>
  readonly heard: Promise<string>
}

/** The application's page: one frame, and what it heard of it. */
function appPage(src: string): string {
  return `<!doctype html><script>
    let resolveHeard
    globalThis.heard = new Promise((resolve) => { resolveHeard = resolve })
    addEventListener('message', (event) => resolveHeard(event.data))
    globalThis.ask = (message, patienceMs) => new Promise((resolve) => {
      const frame = document.querySelector('iframe').contentWindow
      const done = (value) => { removeEventListener('message', hear); resolve(value) }
      const hear = (event) => { if (event.source === frame) done(event.data) }
      addEventListener('message', hear)
      frame.postMessage(message, ${JSON.stringify(new URL(src).origin)})
      setTimeout(() => done('no answer'), patienceMs)
    })
  </script><iframe src="${src}"></iframe>`
}

function closeServer(server: Server): Promise<void> {
  server.closeAllConnections()
  return new Promise((resolve) => server.close(() => resolve()))
}
