/** The Django portal with mozilla-django-oidc, unmodified, on a bare oidc-provider. */
import assert from 'node:assert/strict'
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { findPython } from '../../../packages/server/src/command/demo/find-python.ts'
import { type BareServer, startBareServer } from '../../application/test/bare-server.ts'
import { type Browser, createBrowser } from '../../application/test/browser.ts'
import { freePort } from '../../application/test/free-port.ts'

const start = path.resolve(import.meta.dirname, '../start.py')
const python = findPython()
const isRequired = process.env['CI'] === 'true'
const answerTimeoutMs = 60_000

interface Portal {
  readonly baseUrl: string
  readonly server: BareServer
  readonly browser: Browser
}

describe('the portal (Django, mozilla-django-oidc 5.0.2)', { skip: skipReason() }, () => {
  test('signs in and says who it is', async (t) => {
    const { baseUrl, browser } = await signedInPortal(t)
    assert.deepEqual(await browser.json(`${baseUrl}/state`), { signedIn: true, name: 'alice@example.com' })
    assert.match((await browser.open(baseUrl)).text, /Signed in as <strong id="name">alice@example.com/)
  })

  test("the article's view ends Django's session and sends the browser to the server with redirect_uri", async (t) => {
    const { baseUrl, browser, server } = await signedInPortal(t)
    const { url } = await browser.open(`${baseUrl}/logout`)
    assert.equal(url, `${server.issuer}/session/end?redirect_uri=${encodeURIComponent(`${baseUrl}/`)}`)
    assert.deepEqual(await browser.json(`${baseUrl}/state`), { signedIn: false, name: '' })
  })

  test("the package's own view sends the browser to the address that the function returns", async (t) => {
    const { baseUrl, browser, server } = await signedInPortal(t)
    const { url, status } = await signOutByPackage(baseUrl, browser)
    assert.equal(status, 200)
    const { origin, pathname, searchParams } = new URL(url)
    assert.equal(origin + pathname, `${server.issuer}/session/end`)
    assert.equal(searchParams.get('post_logout_redirect_uri'), `${baseUrl}/`)
    assert.equal(searchParams.get('id_token_hint')?.split('.').length, 3)
    assert.deepEqual(await browser.json(`${baseUrl}/state`), { signedIn: false, name: '' })
  })

  test("the article's view named as OIDC_OP_LOGOUT_URL_METHOD answers 500 and leaves the server's session alive", async (t) => {
    const method = 'portal_site.views.keycloak_logout'
    const { baseUrl, browser, server } = await signedInPortal(t, { LOGOUT_URL_METHOD: method })
    assert.equal((await signOutByPackage(baseUrl, browser)).status, 500)

    const silent = new URLSearchParams({
      client_id: 'portal',
      response_type: 'code',
      scope: 'openid',
      prompt: 'none',
      redirect_uri: `${baseUrl}/oidc/callback/`,
      state: 'not-known-to-django',
    })
    const { visited } = await browser.open(`${server.issuer}/auth?${silent}`)
    assert.match(visited[1] ?? '', /[?&]code=/, 'the server signs in without asking')
  })
})

/** @returns false to run, or the reason why not. In CI a missing Python is a failure. */
function skipReason(): string | false {
  if (python || isRequired) return false
  return 'there is no Python 3.10 or newer on this machine'
}

async function signedInPortal(t: TestContext, extra: NodeJS.ProcessEnv = {}): Promise<Portal> {
  assert.ok(python, 'Python 3.10 or newer is installed')
  execFileSync(python, [start, '--prepare'], { stdio: 'inherit' })
  const port = await freePort()
  const baseUrl = `http://localhost:${port}`
  const clientSecret = 'a secret of thirty-two characters'
  const server = await startBareServer([
    { clientId: 'portal', clientSecret, baseUrl, callbackPath: '/oidc/callback/' },
  ])
  const folder = mkdtempSync(path.join(tmpdir(), 'curfew-test-'))
  const env = {
    ...process.env,
    ISSUER: server.issuer,
    CLIENT_SECRET: clientSecret,
    PORT: String(port),
    DATA_DIR: folder,
    AUTHORIZATION_ENDPOINT: `${server.issuer}/auth`,
    TOKEN_ENDPOINT: `${server.issuer}/token`,
    USER_ENDPOINT: `${server.issuer}/me`,
    JWKS_ENDPOINT: `${server.issuer}/jwks`,
    LOGOUT_ENDPOINT: `${server.issuer}/session/end`,
    ...extra,
  }
  const portal = spawn(python, [start], { env, stdio: 'ignore' })
  t.after(async () => {
    await ended(portal)
    await server[Symbol.asyncDispose]()
    rmSync(folder, { recursive: true })
  })
  await untilItAnswers(baseUrl)
  const browser = createBrowser()
  const { url } = await browser.open(`${baseUrl}/sign-in`)
  assert.equal(url, `${baseUrl}/`)
  return { baseUrl, server, browser }
}

async function signOutByPackage(baseUrl: string, browser: Browser): Promise<{ url: string; status: number }> {
  const { text } = await browser.open(baseUrl)
  const token = /name="csrfmiddlewaretoken" value="([^"]+)"/.exec(text)?.[1] ?? ''
  const body = new URLSearchParams({ csrfmiddlewaretoken: token })
  return await browser.open(`${baseUrl}/oidc/logout/`, { method: 'POST', body })
}

async function untilItAnswers(address: string): Promise<void> {
  const startedAt = performance.now()
  while (performance.now() - startedAt < answerTimeoutMs) {
    const answer = await fetch(address).catch(() => undefined)
    await answer?.body?.cancel()
    if (answer?.ok) return
    await delay(100)
  }
  throw new Error(`nothing answers at ${address}`)
}

function ended(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    child.once('exit', () => resolve())
    child.kill('SIGKILL')
  })
}
