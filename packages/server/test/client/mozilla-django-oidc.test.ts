/** The portal of the examples: Django with mozilla-django-oidc, in an environment of its own. */
import assert from 'node:assert/strict'
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, before, describe, test } from 'node:test'
import { request } from 'undici'
import { freePort } from '../../../../examples/application/test/free-port.ts'
import { findPython } from '../../src/command/demo/find-python.ts'
import { testSecret } from '../support/realm-export.ts'
import { readForm, type UserAgent } from '../support/user-agent.ts'
import type { WholeServer } from '../support/whole-server.ts'
import { eventually, openSignedIn, startClientServer } from './client-server.ts'

const start = path.resolve(import.meta.dirname, '../../../../examples/portal/start.py')
const python = findPython()
const isSkipped =
  !python && process.env['CI'] !== 'true' && 'there is no Python 3.10 or newer on this machine'

describe('mozilla-django-oidc 5.0.2, as its authors publish it', { skip: isSkipped }, () => {
  let portal: ChildProcess
  let folder: string
  let url: string
  let world: WholeServer
  before(async () => {
    assert.ok(python, 'Python 3.10 or newer is installed')
    execFileSync(python, [start, '--prepare'], { stdio: 'ignore' })
    const port = await freePort()
    url = `http://localhost:${port}`
    world = await startClientServer([{ clientId: 'portal', redirectUri: `${url}/*` }, { clientId: 'chat' }])
    folder = mkdtempSync(path.join(tmpdir(), 'curfew-test-'))
    const settings = { ISSUER: world.issuer, CLIENT_SECRET: testSecret, PORT: String(port), DATA_DIR: folder }
    portal = spawn(python, [start], { env: { ...process.env, ...settings }, stdio: 'ignore' })
    await eventually(() => answers(url), 60_000)
  })
  after(async () => {
    const hasEnded = portal && once(portal, 'exit')
    portal?.kill('SIGKILL')
    await hasEnded
    await world?.[Symbol.asyncDispose]()
    if (folder) rmSync(folder, { recursive: true, force: true })
  })

  const stateIn = async (agent: UserAgent): Promise<unknown> =>
    JSON.parse((await agent.get(`${url}/state`)).text)
  const signIn = (agent: UserAgent) => openSignedIn(agent, `${url}/sign-in`)
  async function isAskedForPassword(agent: UserAgent): Promise<boolean> {
    const page = await agent.follow(await agent.get(`${url}/sign-in`), 'http')
    return page.text.includes('name="password"')
  }

  test('signs in and takes the address of the person from userinfo (KK-65)', async () => {
    const agent = world.browser()
    assert.equal((await signIn(agent)).url, `${url}/`)
    assert.deepEqual(await stateIn(agent), { signedIn: true, name: 'alice@example.org' })
  })

  test("the article's view keycloak_logout: /logout with redirect_uri asks, ends the session, tells the others and comes back (KL-50)", async () => {
    const agent = world.browser()
    await signIn(agent)
    const chat = await world.rp('chat').signIn(agent)
    const question = await agent.follow(await agent.get(`${url}/logout`), 'http')
    assert.ok(question.url.startsWith(`${world.issuer}/protocol/openid-connect/logout`), question.url)
    assert.deepEqual(await stateIn(agent), { signedIn: false, name: '' })
    assert.equal((await world.rp('chat').refresh(chat.refresh_token)).status, 200, 'nothing ends unasked')
    const ended = await agent.follow(
      await agent.submit(question, {}, { name: 'action', value: 'all' }),
      world.url,
    )
    assert.match(ended.text + (ended.location ?? ''), new RegExp(url))
    assert.equal((await world.rp('chat').refresh(chat.refresh_token)).status, 400)
    assert.equal(await isAskedForPassword(agent), true)
  })

  test("the package's own logout, by OIDC_OP_LOGOUT_URL_METHOD, ends the session of the server unasked and comes back", async () => {
    const agent = world.browser()
    await signIn(agent)
    const home = await agent.get(`${url}/`)
    const { csrfmiddlewaretoken = '' } = readForm(home).fields
    const left = await agent.post(`${url}/oidc/logout/`, { csrfmiddlewaretoken })
    assert.ok(left.location?.startsWith(`${world.issuer}/protocol/openid-connect/logout?`))
    const page = await agent.follow(left, 'http')
    assert.equal(page.url, `${url}/`)
    assert.deepEqual(await stateIn(agent), { signedIn: false, name: '' })
    assert.equal(await isAskedForPassword(agent), true)
  })
})

async function answers(address: string): Promise<boolean> {
  const answer = await request(address).catch(() => undefined)
  await answer?.body.dump()
  return answer?.statusCode === 200
}
