/** python-keycloak, in an environment of its own that is made once and kept beside its conversation. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { after, before, describe, test } from 'node:test'
import { promisify } from 'node:util'
import { findPython } from '../../src/command/demo/find-python.ts'
import { adminEnvironment } from '../support/administrator.ts'
import { testPassword, testSecret } from '../support/realm-export.ts'
import type { WholeServer } from '../support/whole-server.ts'
import { startClientServer } from './client-server.ts'

const { KC_BOOTSTRAP_ADMIN_USERNAME: adminName, KC_BOOTSTRAP_ADMIN_PASSWORD: adminPassword } =
  adminEnvironment
const run = promisify(execFile)
const folder = path.join(import.meta.dirname, 'python-keycloak')
const python = findPython()
const isSkipped =
  !python && process.env['CI'] !== 'true' && 'there is no Python 3.10 or newer on this machine'

// biome-ignore lint/suspicious/noExplicitAny: whatever was answered
type Said = Record<string, any>

describe('python-keycloak 7.1.1, as its authors publish it', { skip: isSkipped }, () => {
  let world: WholeServer
  let application: Said
  let administrator: Said
  before(async () => {
    const interpreter = await prepare()
    const wiki = { clientId: 'wiki', representation: { directAccessGrantsEnabled: true } }
    world = await startClientServer([wiki], { attributes: { 'curfew.password.grant': 'clients' } })
    const env = {
      ...process.env,
      SERVER_URL: world.url,
      CLIENT_SECRET: testSecret,
      PASSWORD: testPassword,
      ADMIN_NAME: adminName,
      ADMIN_PASSWORD: adminPassword,
    }
    const { stdout } = await run(interpreter, [path.join(folder, 'conversation.py')], {
      env,
      timeout: 60_000,
    })
    ;({ application, administrator } = JSON.parse(stdout))
  })
  after(() => world?.[Symbol.asyncDispose]())

  test('reads discovery, the public key and a key set of types that it knows (KK-08, KK-41)', () => {
    assert.equal(application['issuer'], world.issuer)
    assert.match(application['public_key'], /^MII/)
    for (const type of application['key_types']) assert.ok(['RSA', 'EC'].includes(type), type)
  })

  test('gets a token by password where the realm allows it, decodes it, and asks about it (KK-02, KK-04, KK-40)', () => {
    const { expires_in, username, email, is_active } = application
    assert.ok(expires_in > 0)
    assert.deepEqual([username, email, is_active], ['alice', 'alice@example.org', true])
  })

  test('signs out with the refresh token: 204, and the next refresh is refused in the words that it looks for (KK-03, KK-40)', () => {
    assert.deepEqual(application['logout'], {})
    assert.equal(application['is_active_after'], false)
    assert.equal(application['refresh_after'].status, 400)
    assert.match(application['refresh_after'].message, /Session not active/)
  })

  test('administers a realm from master: lists people and sessions, and signs somebody out with an empty JSON body (KK-42, KK-43, KK-44)', () => {
    assert.deepEqual(administrator['usernames'], ['alice', 'bob', 'carol'])
    assert.deepEqual(administrator['clients'], [['wiki']])
    assert.deepEqual(administrator['logout'], {})
    assert.deepEqual(administrator['sessions_after'], [])
    assert.equal(administrator['wiki'], 'wiki')
  })

  test('creates, reads and deletes a person; a conflict is a sentence (KK-32, KK-44)', () => {
    assert.equal(administrator['carol'], 'carol')
    assert.equal(administrator['carol_after'], null)
    assert.equal(administrator['twice'].status, 409)
    assert.match(administrator['twice'].message, /exists/)
  })
})

/** @returns the interpreter of the environment, made anew when the requirements change */
async function prepare(): Promise<string> {
  assert.ok(python, 'Python 3.10 or newer is installed')
  const requirements = path.join(folder, 'requirements.txt')
  const environment = path.join(folder, '.venv')
  const interpreter = path.join(environment, 'bin', 'python')
  const mark = path.join(environment, 'requirements.sha256')
  const wanted = createHash('sha256').update(readFileSync(requirements)).digest('hex')
  if (existsSync(mark) && readFileSync(mark, 'utf8') === wanted) return interpreter
  await run(python, ['-m', 'venv', '--clear', environment])
  const install = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check']
  await run(interpreter, [...install, '--requirement', requirements], { timeout: 180_000 })
  writeFileSync(mark, wanted)
  return interpreter
}
