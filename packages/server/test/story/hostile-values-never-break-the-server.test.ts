/** every parameter of every endpoint, with values that nobody should send. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { Agent, request } from 'undici'
import { hostileValues } from '../fixture/hostile-values.ts'
import { adminEnvironment, signInAsAdministrator } from '../support/administrator.ts'
import { forEachDatabase } from '../support/database.ts'
import { testSecret } from '../support/realm-export.ts'
import { startWholeServer, type WholeServer } from '../support/whole-server.ts'

interface Operation {
  readonly name: string
  readonly method: 'GET' | 'POST'
  readonly path: string
  /** A request that is well formed; one parameter of it at a time is replaced. */
  readonly good: Readonly<Record<string, string>>
  readonly parameters: readonly string[]
  readonly withSession?: boolean
}

const op = '/realms/test/protocol/openid-connect'
const client = { client_id: 'wiki', client_secret: testSecret }
const asked = {
  client_id: 'wiki',
  redirect_uri: 'https://wiki.example/callback',
  response_type: 'code',
  scope: 'openid',
  state: 's',
}
const asking = [
  ...[
    'client_id',
    'redirect_uri',
    'response_type',
    'scope',
    'state',
    'nonce',
    'prompt',
    'max_age',
    'display',
  ],
  ...['ui_locales', 'claims_locales', 'id_token_hint', 'login_hint', 'acr_values', 'response_mode', 'claims'],
  ...['code_challenge', 'code_challenge_method', 'request', 'request_uri', 'registration', 'resource'],
  ...['dpop_jkt', 'authorization_details', 'kc_idp_hint', 'kc_action', 'curfew_again'],
]
const proving = ['client_id', 'client_secret', 'client_assertion', 'client_assertion_type']
const leaving = [
  ...['id_token_hint', 'client_id', 'post_logout_redirect_uri', 'redirect_uri', 'state', 'ui_locales'],
  ...['logout_hint', 'continue'],
]

function operations(tokens: { access_token: string; refresh_token: string }): readonly Operation[] {
  const grant = (grantType: string, more: Record<string, string>, parameters: string[]): Operation => ({
    name: `token ${grantType}`,
    method: 'POST',
    path: `${op}/token`,
    good: { ...client, grant_type: grantType, ...more },
    parameters,
  })
  const get = (name: string, path: string, good: Record<string, string>, parameters: readonly string[]) =>
    ({ name, method: 'GET', path, good, parameters }) as const
  const post = (name: string, path: string, good: Record<string, string>, parameters: readonly string[]) =>
    ({ name, method: 'POST', path, good, parameters }) as const
  const code = { code: 'x', redirect_uri: asked.redirect_uri, code_verifier: 'v'.repeat(43) }
  const frame = { client_id: 'wiki', origin: 'https://wiki.example', sid: 'x' }
  return [
    get('auth', `${op}/auth`, asked, asking),
    { ...get('auth in a session', `${op}/auth`, asked, asking), withSession: true },
    post('par', `${op}/ext/par/request`, { ...asked, ...client }, [...asking, ...proving]),
    grant('authorization_code', code, ['grant_type', 'resource', ...Object.keys(code), ...proving]),
    grant('refresh_token', { refresh_token: tokens.refresh_token }, [
      ...['refresh_token', 'scope', 'resource', 'client_session_state', 'client_session_host'],
    ]),
    grant('client_credentials', {}, ['scope', 'resource']),
    grant('password', { username: 'bob', password: 'x' }, ['username', 'scope']),
    post('introspect', `${op}/token/introspect`, { ...client, token: tokens.access_token }, [
      'token',
      ...proving,
    ]),
    post('revoke', `${op}/revoke`, { ...client, token: 'x' }, ['token', 'token_type_hint', ...proving]),
    post('userinfo', `${op}/userinfo`, {}, ['access_token']),
    get('logout', `${op}/logout`, { client_id: 'wiki' }, leaving),
    { ...get('logout in a session', `${op}/logout`, { client_id: 'wiki' }, leaving), withSession: true },
    post('logout by form', `${op}/logout`, {}, [...leaving, 'refresh_token']),
    post('legacy logout', `${op}/logout`, { ...client, refresh_token: 'x' }, ['refresh_token', ...proving]),
    {
      ...post('confirm', `${op}/logout/logout-confirm`, { token: 'x' }, ['token', 'action']),
      withSession: true,
    },
    get('frame', `${op}/login-status-iframe.html`, {}, ['version']),
    get('frame init', `${op}/login-status-iframe.html/init`, frame, ['client_id', 'origin']),
    get('frame check', `${op}/login-status-iframe.html/check`, frame, ['client_id', 'origin', 'sid']),
    post('language', '/realms/test/language', { language: 'de', return: '/realms/test/x' }, [
      'language',
      'return',
    ]),
    post('setup', '/setup', {}, ['ticket']),
  ]
}

const adminPaths = [
  ...[
    'test/users?username=V',
    'test/users?search=V',
    'test/users?q=V:V',
    'test/users?first=V',
    'test/users?max=V',
  ],
  ...['test/users?exact=V&email=V', 'test/users/count?search=V', 'test/users/V', 'test/users/V/sessions'],
  ...['test/users/V/role-mappings/realm', 'test/sessions/V', 'test/clients?clientId=V&search=true'],
  ...['test/clients/V', 'test/clients/V/user-sessions', 'test/roles/V', 'test/events?type=V&client=V'],
  ...['test/events?dateFrom=V', 'test/admin-events?resourceTypes=V&authUser=V', 'test/sign-outs?user=V'],
  ...[
    'test/sign-outs?cursor=V',
    'test/sign-outs?limit=V',
    'test/sign-outs?dateTo=V',
    'test/sign-outs/V',
    'V/users',
  ],
]

const adminMembers = [
  ...['username', 'email', 'firstName', 'enabled', 'attributes', 'credentials', 'requiredActions', 'groups'],
  ...['realmRoles', 'id', 'anything'],
]

forEachDatabase('hostile values', (database) => {
  let world: WholeServer
  let outside: Agent
  let cookie: string
  let tokens: { access_token: string; refresh_token: string }

  before(async () => {
    outside = new Agent({ headersTimeout: 5000, bodyTimeout: 5000 })
    const clients = [
      { clientId: 'wiki', serviceAccount: true, representation: { directAccessGrantsEnabled: true } },
      { clientId: 'chat' },
    ]
    world = await startWholeServer(database, { clients }, adminEnvironment)
    const agent = world.browser()
    tokens = await world.rp('wiki').signIn(agent)
    cookie = [...agent.cookies].map(([name, value]) => `${name}=${value}`).join('; ')
  })
  after(async () => {
    await outside?.close()
    await world?.[Symbol.asyncDispose]()
  })

  test('in any parameter of the protocol: always an answer, never a 5xx, no markup, no address of theirs (X-08, X-04, CVE-2025-67495)', async () => {
    for (const operation of operations(tokens)) {
      for (const [at, parameter] of operation.parameters.entries()) {
        // a third of the values for each parameter, another third for the next one
        const values = hostileValues.filter((_, index) => index % 3 === at % 3)
        for (const value of values) await send(operation, parameter, value)
      }
    }
  })

  async function send(operation: Operation, parameter: string, value: string): Promise<void> {
    const { name, method, path, good, withSession } = operation
    const fields = new URLSearchParams({ ...good, [parameter]: value }).toString()
    const answer = await request(world.url + path + (method === 'GET' ? `?${fields}` : ''), {
      dispatcher: outside,
      method,
      body: method === 'POST' ? fields : null,
      headers: {
        accept: 'text/html',
        ...(withSession ? { cookie } : {}),
        ...(method === 'POST' ? { 'content-type': 'application/x-www-form-urlencoded' } : {}),
      },
    })
    const text = await answer.body.text()
    const { headers, statusCode } = answer
    const what = `${name} ${parameter}=${JSON.stringify(value).slice(0, 80)}: ${statusCode} ${text.slice(0, 200)}`
    assert.ok(statusCode < 500, what)
    assert.ok(!text.includes('<script>alert'), what)
    assert.ok(headers['content-security-policy'] && headers['x-content-type-options'] === 'nosniff', what)
    assert.ok(!String(headers['set-cookie'] ?? '').includes('evil'), what)
    if (headers['location'] === undefined) return
    const { href } = new URL(String(headers['location']), world.url)
    const isOurs = href.startsWith(`${world.url}/`) || /^https:\/\/wiki\.example\/callback(\?|$|#)/.test(href)
    assert.ok(isOurs, `${what} ${href}`)
  }

  test('in the admin API: never a 5xx, and nobody becomes an administrator (X-08)', async () => {
    const admin = await signInAsAdministrator(world.url)
    for (const [at, path] of adminPaths.entries()) {
      for (const value of hostileValues.filter((_, index) => index % 3 === at % 3)) {
        const encoded = encodeURIComponent(value.toWellFormed())
        const { status } = await admin.get(path.replaceAll('V', encoded))
        assert.ok(status < 500 || status === 501, `${path} ${JSON.stringify(value)}: ${status}`)
      }
    }
    const values = [
      ...hostileValues,
      1,
      true,
      [],
      {},
      [null],
      [[]],
      { a: { b: 1 } },
      ['admin', 'realm-admin'],
    ]
    for (const [at, member] of adminMembers.entries()) {
      for (const [index, value] of values.entries()) {
        const username = `hostile-${at}-${index}`
        const { status, body } = await admin.post('test/users', { username, [member]: value })
        assert.ok(status < 500, `${member}=${JSON.stringify(value)}: ${status} ${JSON.stringify(body)}`)
      }
    }
    const made = (await admin.get('test/users?search=hostile&max=1000')).body as { id: string }[]
    for (const { id } of made.slice(-20)) {
      const { body } = await admin.get(`test/users/${id}/role-mappings/realm`)
      assert.deepEqual(
        (body as { name: string }[]).map(({ name }) => name),
        ['default-roles-test'],
      )
    }
  })
})
