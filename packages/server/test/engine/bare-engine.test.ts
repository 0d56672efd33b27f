/** Contract: what the engine does by itself, and why we replace it (engine.md §3, §10, §11). */
import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, test } from 'node:test'
import { Provider } from 'oidc-provider'
import { request } from 'undici'
import { forEachDatabase } from '../support/database.ts'
import { startOpHost } from '../support/op-host.ts'

type Row = Record<string, unknown>

/** The engine alone, with its storage in a Map and a log of what happens. */
async function startBareEngine(log: string[]) {
  const rows = new Map<string, Row>()
  const client = {
    client_id: 'wiki',
    client_secret: 'secret',
    redirect_uris: ['https://wiki.example/cb'],
    grant_types: ['authorization_code', 'client_credentials'],
    backchannel_logout_uri: 'https://wiki.example/logout',
    backchannel_logout_session_required: true,
  }
  const provider = new Provider('http://localhost/op', {
    adapter: (name: string) => ({
      upsert: async (id, payload) => void rows.set(`${name}:${id}`, payload as Row),
      find: async (id) => rows.get(`${name}:${id}`) as never,
      findByUid: async (uid) => [...rows.values()].find((row) => row['uid'] === uid) as never,
      findByUserCode: async () => undefined,
      consume: async () => undefined,
      destroy: async (id) => {
        log.push(`destroy ${name}`)
        rows.delete(`${name}:${id}`)
      },
      revokeByGrantId: async () => void log.push(`revoke ${name}`),
    }),
    clients: [client],
    cookies: { long: { signed: false }, names: { session: 'sid' } },
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      backchannelLogout: { enabled: true },
      introspection: { enabled: true, allowedPolicy: () => true },
      revocation: { enabled: true, allowedPolicy: () => true },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => 'urn:test',
        useGrantedResource: () => true,
        getResourceServerInfo: () => ({ scope: 'openid', accessTokenFormat: 'jwt' }),
      },
    },
    findAccount: async (_ctx, accountId) => ({ accountId, claims: () => ({ sub: accountId }) }),
    fetch: async () => {
      log.push('notice')
      return new Response(null, { status: 200 })
    },
  })
  const server = createServer(provider.callback())
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return { rows, provider, server, base: `http://127.0.0.1:${port}` }
}

describe('the engine by itself', () => {
  test('it sends back-channel logouts before it destroys the session: this is why sign-out is ours', async (t) => {
    t.mock.method(console, 'warn', () => undefined)
    t.mock.method(console, 'info', () => undefined)
    const log: string[] = []
    const { rows, server, base } = await startBareEngine(log)
    await using _ = server
    const exp = Math.floor(Date.now() / 1000) + 1000
    rows.set('Session:cookie', {
      kind: 'Session',
      jti: 'cookie',
      uid: 'uid',
      exp,
      accountId: 'alice',
      loginTs: 1,
      authorizations: { wiki: { sid: 'sid', grantId: 'grant' } },
    })
    const cookie = { cookie: 'sid=cookie' }
    const page = await (await request(`${base}/session/end`, { headers: cookie })).body.text()
    const xsrf = /name="xsrf" value="([^"]+)"/.exec(page)?.[1] ?? ''
    const confirmed = await request(`${base}/session/end/confirm`, {
      method: 'POST',
      headers: { ...cookie, 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams({ xsrf, logout: 'yes' }).toString(),
    })
    assert.equal(confirmed.statusCode, 303)
    const notice = log.indexOf('notice')
    assert.ok(notice >= 0, 'the application is told')
    assert.ok(notice < log.indexOf('destroy Session'), log.join(', '))
  })

  test('JWT access tokens are refused by its introspection, revocation and userinfo: this is why those are ours', async (t) => {
    t.mock.method(console, 'warn', () => undefined)
    t.mock.method(console, 'info', () => undefined)
    const { server, base } = await startBareEngine([])
    await using _ = server
    const headers = {
      'content-type': 'application/x-www-form-urlencoded',
      authorization: `Basic ${Buffer.from('wiki:secret').toString('base64')}`,
    }
    const post = async (path: string, body: string) => {
      const answer = await request(`${base}${path}`, { method: 'POST', headers, body })
      return { status: answer.statusCode, body: (await answer.body.json()) as Row }
    }
    const token = String((await post('/token', 'grant_type=client_credentials')).body['access_token'])
    assert.equal(token.split('.').length, 3)
    for (const path of ['/token/introspection', '/token/revocation']) {
      assert.equal((await post(path, `token=${token}`)).body['error'], 'unsupported_token_type', path)
    }
    const userinfo = await request(`${base}/me`, { headers: { authorization: `Bearer ${token}` } })
    assert.equal(userinfo.statusCode, 401)
    await userinfo.body.dump()
  })
})

forEachDatabase('the engine with our configuration', (database) => {
  test('it prints nothing', async (t) => {
    const printed: unknown[] = []
    for (const name of ['log', 'info', 'warn', 'error'] as const) {
      t.mock.method(console, name, (...words: unknown[]) => void printed.push(...words))
    }
    await using store = await database.open()
    await using host = await startOpHost({ store, settings: { passwordGrant: 'clients' } })
    await host.rp('wiki').signIn(host.browser())
    assert.deepEqual(printed, [])
  })

  test('what one realm changes in its classes leaves the engine itself and other realms alone', async (t) => {
    t.mock.method(console, 'warn', () => undefined)
    t.mock.method(console, 'info', () => undefined)
    await using store = await database.open()
    await using host = await startOpHost({ store })
    await host.rp('wiki').signIn(host.browser())
    const { provider, server } = await startBareEngine([])
    await using _ = server
    const client = await provider.Client.find('wiki')
    assert.equal(client?.redirectUriAllowed('https://wiki.example/other'), false)
    assert.match(String(client?.includeSid), /backchannelLogoutUri/)
  })

  test('a notice that the engine tries to send becomes a sign-out of that application and an alarm, not a request', async () => {
    const alarms: string[] = []
    const { systemAmbient } = await import('../../src/ambient/ambient.ts')
    const ambient = systemAmbient({ log: { write: (_level, event) => void alarms.push(event) } })
    await using store = await database.open(ambient)
    await using host = await startOpHost({ store, ambient })
    const browser = host.browser()
    const tokens = await host.rp('wiki').signIn(browser)
    const { beginWork, runInWork } = await import('../../src/op/unit-of-work/unit-of-work.ts')
    const { commit } = await import('../../src/op/unit-of-work/commit.ts')
    const { loadSession } = await import('../../src/op/adapter/session-adapter.ts')
    const work = beginWork(
      host.realm(),
      { ipAddress: undefined, userAgent: undefined },
      undefined,
      Date.now(),
    )
    const { uid } = await store.read.db.selectFrom('session').select('uid').executeTakeFirstOrThrow()
    await loadSession(store.read, work, uid)
    work.engineNotices.push({ clientId: 'wiki', sid: tokens.session_state })
    const from = { sessionUid: undefined, accountId: undefined, offlineGrantId: undefined }
    const result = await runInWork(work, () =>
      commit(host.deps, work, { kind: 'authorize', ...from, keptTokenHash: undefined, givesTokens: false }),
    )
    assert.ok(result.ok)
    assert.ok(alarms.includes('op.engine_notice'))
    const rows = await store.read.db.selectFrom('sign_out').select(['scope', 'cause']).execute()
    assert.deepEqual(
      rows.map((row) => [row.scope, row.cause]),
      [['application', 'engine']],
    )
  })
})
