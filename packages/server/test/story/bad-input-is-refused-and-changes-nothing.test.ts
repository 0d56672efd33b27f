import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { generateKeyPair, SignJWT } from 'jose'
import { Agent, request } from 'undici'
import { forEachDatabase } from '../support/database.ts'
import { testSecret } from '../support/realm-export.ts'
import { type Receiver, startReceiver } from '../support/receiver.ts'
import type { Tokens } from '../support/relying-party.ts'
import type { UserAgent } from '../support/user-agent.ts'
import { startWholeServer, type WholeServer } from '../support/whole-server.ts'

const form = 'application/x-www-form-urlencoded'
const credentials = `client_id=wiki&client_secret=${testSecret}`
const megabyte = 'x'.repeat(1024 * 1024)
/** Fits into the 16 KB that a request line and headers may have. */
const longValue = 'y'.repeat(12_000)

interface BadRequest {
  readonly title: string
  readonly method?: 'GET' | 'POST' | 'PUT' | 'DELETE'
  /** Below the server's address. */
  readonly path: string
  readonly body?: string
  readonly type?: string
  readonly headers?: Readonly<Record<string, string>>
  /** The status of the JSON answer and of the page, where they are the same. */
  readonly status: number | readonly number[]
  /** Keycloak's words of the event, `TYPE/error`. */
  readonly event?: string
  /** The browser's own cookies come along. */
  readonly asBrowser?: boolean
}

forEachDatabase('bad input', (database) => {
  let receiver: Receiver
  let world: WholeServer
  let agent: UserAgent
  let tokens: Tokens
  let foreign: { readonly hint: string; readonly accessToken: string }
  let outside: Agent

  before(async () => {
    receiver = await startReceiver()
    outside = new Agent()
    const clients = [{ clientId: 'wiki', backchannelUrl: receiver.urlOf('wiki') }, { clientId: 'chat' }]
    world = await startWholeServer(database, { clients })
    agent = world.browser()
    tokens = await world.rp('wiki').signIn(agent)
    foreign = await forge(world.issuer, tokens.session_state)
  })
  after(async () => {
    await outside?.close()
    await world?.[Symbol.asyncDispose]()
    await receiver?.[Symbol.asyncDispose]()
  })

  for (const accept of ['application/json', 'text/html'] as const) {
    test(`is answered in ${accept === 'text/html' ? 'a page' : 'JSON'} with the right status, an event and no change of state`, async (t) => {
      for (const bad of badRequests()) await t.test(bad.title, () => check(bad, accept))
    })
  }

  test('leaves the session as it was: its tokens work and nobody was told', async () => {
    const { status } = await world.rp('wiki').refresh(tokens.refresh_token)
    assert.equal(status, 200)
    assert.deepEqual(receiver.received, [])
  })

  async function check(bad: BadRequest, accept: 'application/json' | 'text/html'): Promise<void> {
    const before = await countRows(world)
    const eventsBefore = world.errors().length
    const cookie = [...agent.cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    const answer = await request(world.url + fill(bad.path), {
      dispatcher: outside,
      method: bad.method ?? (bad.body === undefined ? 'GET' : 'POST'),
      ...(bad.body === undefined ? {} : { body: fill(bad.body) }),
      headers: {
        accept: accept === 'text/html' ? 'text/html,application/xhtml+xml,*/*;q=0.8' : accept,
        ...(bad.body === undefined ? {} : { 'content-type': bad.type ?? form }),
        ...(bad.asBrowser ? { cookie } : {}),
        ...Object.fromEntries(Object.entries(bad.headers ?? {}).map(([name, value]) => [name, fill(value)])),
      },
    })
    const text = await answer.body.text()
    const shown = `${answer.statusCode} ${text.slice(0, 400)}`
    assert.ok([bad.status].flat().includes(answer.statusCode), shown)
    assert.doesNotMatch(text, /\n\s+at |node_modules|\.ts:\d/, 'no stack')
    if (text !== '') assertClear(bad.path, String(answer.headers['content-type']), text, accept)
    if (bad.event !== undefined) {
      const events = world.errors().slice(eventsBefore)
      assert.deepEqual(
        events.map(({ type, error }) => `${type}/${error}`),
        [bad.event],
        shown,
      )
      assert.ok((events[0]?.explanation ?? '').length > 20, 'the event explains itself')
    }
    assert.deepEqual(await countRows(world), before)
  }

  /** The tokens of this run, where the table names them. */
  function fill(text: string): string {
    const damaged = `${tokens.id_token.slice(0, -8)}AAAAAAAA`
    return text
      .replaceAll('{id_token}', tokens.id_token)
      .replaceAll('{damaged_id_token}', damaged)
      .replaceAll('{access_token}', tokens.access_token)
      .replaceAll('{refresh_token}', tokens.refresh_token)
      .replaceAll('{foreign_hint}', foreign.hint)
      .replaceAll('{foreign_access_token}', foreign.accessToken)
  }
})

/** Called by programs alone; RFC 6749 §5.2 wants JSON whatever they accept. */
const programs = /\/token(\?|$)/
/** What a browser navigates to; it answers a page whatever is accepted. `/logout` is both: with a refresh token a program calls. */
const pages = /\/(auth|logout-confirm|sign-in|sign-out|setup|language)(\/|\?|$)/

/** A page names the trouble in a heading; JSON has the member `error`. */
function assertClear(path: string, type: string, text: string, accept: string): void {
  if (programs.test(path)) assert.match(type, /^application\//, `a program gets JSON: ${text.slice(0, 300)}`)
  else if (accept === 'text/html' && pages.test(path))
    assert.match(type, /^text\/html/, `a browser gets a page: ${text.slice(0, 300)}`)
  if (type.startsWith('text/html')) assert.match(text, /<h1[^>]*>[^<]{5,}<\/h1>/)
  else if (/^application\/(problem\+)?json/.test(type)) {
    const body = JSON.parse(text) as { error?: unknown; active?: unknown; type?: unknown }
    assert.ok(body.error !== undefined || body.active === false || body.type !== undefined, text)
  } else assert.fail(`neither a page nor JSON: ${type} ${text.slice(0, 200)}`)
}

function badRequests(): readonly BadRequest[] {
  const realm = '/realms/test'
  const op = `${realm}/protocol/openid-connect`
  const auth = `${op}/auth?response_type=code&scope=openid`
  const callback = encodeURIComponent('https://wiki.example/callback')
  const evil = encodeURIComponent('https://evil.example/')
  const protocolPaths = ['auth', 'token', 'userinfo', 'token/introspect', 'revoke', 'logout'] as const
  return [
    ...protocolPaths.map((path): BadRequest => {
      const url = `/realms/nowhere/protocol/openid-connect/${path}`
      const isPost = path === 'token' || path === 'token/introspect' || path === 'revoke'
      return {
        title: `${path}: unknown realm`,
        path: url,
        ...(isPost ? { body: credentials } : {}),
        status: 404,
      }
    }),
    {
      title: 'discovery: unknown realm',
      path: '/realms/nowhere/.well-known/openid-configuration',
      status: 404,
    },
    { title: 'nothing at this address', path: '/nothing/here', status: 404 },
    { title: 'a path that cannot be decoded', path: `${realm}/sign-out/%E0%A4%A`, status: 400 },

    {
      title: 'auth: unknown client',
      path: `${auth}&client_id=nobody&redirect_uri=${callback}`,
      status: 400,
      event: 'LOGIN_ERROR/client_not_found',
    },
    {
      title: 'auth: return address of nobody',
      path: `${auth}&client_id=wiki&redirect_uri=${evil}`,
      status: 400,
      event: 'LOGIN_ERROR/invalid_redirect_uri',
    },
    {
      title: 'auth: repeated client_id',
      path: `${auth}&client_id=wiki&client_id=chat&redirect_uri=${callback}`,
      status: 400,
    },
    { title: 'auth: no parameter at all', path: `${op}/auth`, status: 400 },
    { title: 'auth: a parameter of 12 KB', path: `${auth}&client_id=${longValue}`, status: 400 },
    {
      title: 'auth: a parameter of 20 KB',
      path: `${op}/userinfo?client_id=${longValue}${longValue}`,
      status: 431,
    },
    { title: 'auth: a body of 1 MB', path: `${op}/auth`, body: `client_id=${megabyte}`, status: 413 },
    {
      title: 'auth: a body in JSON',
      path: `${op}/auth`,
      body: '{"client_id":"wiki"}',
      type: 'application/json',
      status: [400, 415],
    },

    {
      title: 'token: unknown client',
      path: `${op}/token`,
      body: 'grant_type=client_credentials&client_id=nobody&client_secret=x',
      status: 401,
      event: 'CLIENT_LOGIN_ERROR/client_not_found',
    },
    {
      title: 'token: wrong secret',
      path: `${op}/token`,
      body: 'grant_type=refresh_token&refresh_token={refresh_token}&client_id=wiki&client_secret=wrong',
      status: 401,
      event: 'REFRESH_TOKEN_ERROR/invalid_client_credentials',
    },
    {
      title: 'token: unknown grant',
      path: `${op}/token`,
      body: `grant_type=magic&${credentials}`,
      status: 400,
    },
    { title: 'token: no grant', path: `${op}/token`, body: credentials, status: 400 },
    {
      title: 'token: repeated grant_type',
      path: `${op}/token`,
      body: `grant_type=refresh_token&grant_type=password&${credentials}`,
      status: 400,
    },
    {
      title: 'token: a code that was never issued',
      path: `${op}/token`,
      body: `grant_type=authorization_code&code=never&redirect_uri=${callback}&${credentials}`,
      status: 400,
      event: 'CODE_TO_TOKEN_ERROR/invalid_code',
    },
    {
      title: 'token: an ID token as refresh token',
      path: `${op}/token`,
      body: `grant_type=refresh_token&refresh_token={id_token}&${credentials}`,
      status: 400,
      event: 'REFRESH_TOKEN_ERROR/invalid_token',
    },
    { title: 'token: a body of 1 MB', path: `${op}/token`, body: `refresh_token=${megabyte}`, status: 413 },
    {
      title: 'token: a body in JSON',
      path: `${op}/token`,
      body: '{"grant_type":"refresh_token"}',
      type: 'application/json',
      status: [400, 415],
    },
    { title: 'token: by GET', path: `${op}/token?grant_type=refresh_token`, status: [404, 405] },

    { title: 'userinfo: no token', path: `${op}/userinfo`, status: 401 },
    ...(
      ['none-at-all', '{damaged_id_token}', '{foreign_access_token}', '{id_token}', longValue] as const
    ).map(
      (token): BadRequest => ({
        title: `userinfo: ${token.slice(0, 24)}`,
        path: `${op}/userinfo`,
        headers: { authorization: `Bearer ${token}` },
        status: 401,
      }),
    ),
    {
      title: 'userinfo: token in header and body',
      path: `${op}/userinfo`,
      body: 'access_token={access_token}',
      headers: { authorization: 'Bearer {access_token}' },
      status: [400, 401],
    },
    {
      title: 'userinfo: a body of 1 MB',
      path: `${op}/userinfo`,
      body: `access_token=${megabyte}`,
      status: 413,
    },

    {
      title: 'introspect: no client',
      path: `${op}/token/introspect`,
      body: 'token={access_token}',
      status: 401,
    },
    {
      title: 'introspect: unknown client',
      path: `${op}/token/introspect`,
      body: 'token={access_token}&client_id=nobody&client_secret=x',
      status: 401,
    },
    {
      title: 'introspect: a foreign token is inactive',
      path: `${op}/token/introspect`,
      body: `token={foreign_access_token}&${credentials}`,
      headers: { accept: 'application/json' },
      status: 200,
    },
    { title: 'introspect: no token', path: `${op}/token/introspect`, body: credentials, status: 400 },
    {
      title: 'introspect: repeated token',
      path: `${op}/token/introspect`,
      body: `token=a&token=b&${credentials}`,
      status: 400,
    },
    {
      title: 'introspect: a body of 1 MB',
      path: `${op}/token/introspect`,
      body: `token=${megabyte}`,
      status: 413,
    },
    {
      title: 'introspect: a body in XML',
      path: `${op}/token/introspect`,
      body: '<token/>',
      type: 'text/xml',
      status: [400, 415],
    },

    {
      title: 'revoke: unknown client',
      path: `${op}/revoke`,
      body: 'token=x&client_id=nobody&client_secret=x',
      status: 401,
    },
    { title: 'revoke: no token', path: `${op}/revoke`, body: credentials, status: 400 },
    {
      title: 'revoke: token of another client',
      path: `${op}/revoke`,
      body: `token={refresh_token}&client_id=chat&client_secret=${testSecret}`,
      status: [200, 400],
    },
    {
      title: 'revoke: a foreign token',
      path: `${op}/revoke`,
      body: `token={foreign_access_token}&${credentials}`,
      status: [200, 400],
    },
    {
      title: 'revoke: repeated token',
      path: `${op}/revoke`,
      body: `token=a&token=b&${credentials}`,
      status: 400,
    },
    { title: 'revoke: a body of 1 MB', path: `${op}/revoke`, body: `token=${megabyte}`, status: 413 },

    ...(['GET', 'POST'] as const).flatMap((method): readonly BadRequest[] => {
      const logout = (title: string, parameters: string, rest: Partial<BadRequest>): BadRequest => ({
        title: `logout by ${method}: ${title}`,
        status: 400,
        ...(method === 'GET'
          ? { path: `${op}/logout?${parameters}` }
          : { path: `${op}/logout`, body: parameters }),
        ...rest,
      })
      const badHint = { event: 'LOGOUT_ERROR/invalid_token' }
      return [
        logout('a damaged hint', 'id_token_hint={damaged_id_token}', badHint),
        logout('a hint by a key of somebody else', 'id_token_hint={foreign_hint}', badHint),
        logout('a hint that is no token', 'id_token_hint=none', badHint),
        logout('an access token as hint', 'id_token_hint={access_token}', badHint),
        logout('a hint of another client', 'id_token_hint={id_token}&client_id=chat', badHint),
        logout('a hint twice', 'id_token_hint={id_token}&id_token_hint={id_token}', {
          event: 'LOGOUT_ERROR/invalid_request',
        }),
        logout('a return address of nobody', `id_token_hint={id_token}&post_logout_redirect_uri=${evil}`, {
          event: 'LOGOUT_ERROR/invalid_redirect_uri',
        }),
        logout('a return address without hint and client', `post_logout_redirect_uri=${callback}`, {
          event: 'LOGOUT_ERROR/invalid_request',
        }),
        logout('an unknown client', `client_id=nobody&post_logout_redirect_uri=${callback}`, {
          event: 'LOGOUT_ERROR/invalid_redirect_uri',
        }),
      ]
    }),
    { title: 'logout: a hint of 12 KB', path: `${op}/logout?id_token_hint=${longValue}`, status: 400 },
    { title: 'logout: a body of 1 MB', path: `${op}/logout`, body: `id_token_hint=${megabyte}`, status: 413 },
    {
      title: 'logout: a body in JSON',
      path: `${op}/logout`,
      body: '{}',
      type: 'application/json',
      status: 415,
    },
    {
      title: 'logout: a refresh token of another client',
      path: `${op}/logout`,
      body: `refresh_token={refresh_token}&client_id=chat&client_secret=${testSecret}`,
      status: 400,
      event: 'LOGOUT_ERROR/invalid_token',
    },
    {
      title: 'logout: an unknown client with a refresh token',
      path: `${op}/logout`,
      body: 'refresh_token={refresh_token}&client_id=nobody&client_secret=x',
      status: [400, 401],
      event: 'LOGOUT_ERROR/client_not_found',
    },
    {
      title: 'logout-confirm: a form that nobody was shown',
      path: `${op}/logout/logout-confirm`,
      body: 'token=forged&action=all',
      status: 400,
      asBrowser: true,
    },

    {
      title: 'sign-in: an unknown interaction',
      path: `${realm}/sign-in/nobody-began-this`,
      status: [400, 404],
    },
    {
      title: 'sign-in: an answer to an unknown interaction',
      path: `${realm}/sign-in/nobody-began-this`,
      body: 'username=alice&password=x',
      status: [400, 404],
    },
    {
      title: 'sign-in: a body of 1 MB',
      path: `${realm}/sign-in/nobody-began-this`,
      body: `password=${megabyte}`,
      status: 413,
    },
    {
      title: 'sign-in: a body in JSON',
      path: `${realm}/sign-in/nobody-began-this`,
      body: '{}',
      type: 'application/json',
      status: [400, 404, 415],
    },

    ...['', '/status', '/events', '/frames'].map(
      (path): BadRequest => ({
        title: `result${path} of an unknown sign-out`,
        path: `${realm}/sign-out/so_unknown${path}`,
        status: 404,
      }),
    ),
    {
      title: 'result: a choice for an unknown sign-out',
      path: `${realm}/sign-out/so_unknown/devices`,
      body: 'action=devices',
      status: [400, 404],
    },
    {
      title: 'language: one that nobody speaks',
      path: `${realm}/language`,
      body: 'language=%00%00&return_to=https://evil.example',
      status: [303, 400],
    },
    { title: 'setup: a ticket that was never issued', path: '/setup/never-issued', status: 400 },

    ...['', '/users', '/sign-outs', '/events', '/clients'].map(
      (path): BadRequest => ({ title: `admin${path}: no token`, path: `/admin${realm}${path}`, status: 401 }),
    ),
    {
      title: 'admin: a foreign token',
      path: `/admin${realm}/users`,
      headers: { authorization: 'Bearer {foreign_access_token}' },
      status: 401,
    },
    {
      title: 'admin: a person without a role',
      path: `/admin${realm}/users`,
      headers: { authorization: 'Bearer {access_token}' },
      status: 403,
    },
    {
      title: 'admin: an unknown realm',
      path: '/admin/realms/nowhere/users',
      headers: { authorization: 'Bearer {access_token}' },
      status: [401, 403, 404],
    },
    {
      title: 'admin: a session ended without a role',
      method: 'DELETE',
      path: `/admin${realm}/sessions/x`,
      headers: { authorization: 'Bearer {access_token}' },
      status: 403,
    },
    {
      title: 'admin: a person made from 1 MB',
      path: `/admin${realm}/users`,
      body: `{"username":"${megabyte}"}`,
      type: 'application/json',
      headers: { authorization: 'Bearer {access_token}' },
      status: [403, 413],
    },
    {
      title: 'admin: a person made from no JSON',
      path: `/admin${realm}/users`,
      body: '{"username":',
      type: 'application/json',
      headers: { authorization: 'Bearer {access_token}' },
      status: [400, 403],
    },
  ]
}

/** A hint and an access token as good as they can be, signed by somebody else's key. */
async function forge(issuer: string, sid: string): Promise<{ hint: string; accessToken: string }> {
  const { privateKey } = await generateKeyPair('RS256')
  const sign = (claims: Record<string, unknown>): Promise<string> =>
    new SignJWT({ azp: 'wiki', sid, sub: 'alice', session_state: sid, ...claims })
      .setProtectedHeader({ alg: 'RS256', kid: 'of-somebody-else', typ: 'JWT' })
      .setIssuer(issuer)
      .setAudience('wiki')
      .setIssuedAt()
      .setExpirationTime('5m')
      .sign(privateKey)
  return { hint: await sign({ typ: 'ID' }), accessToken: await sign({ typ: 'Bearer', scope: 'openid' }) }
}

async function countRows({ server }: WholeServer): Promise<Readonly<Record<string, number>>> {
  const counts: Record<string, number> = {}
  for (const table of ['session', 'client_session', 'artifact', 'sign_out', 'delivery', 'account'] as const) {
    const row = await server.store.read.db
      .selectFrom(table)
      .select(({ fn }) => fn.countAll<number>().as('count'))
      .executeTakeFirstOrThrow()
    counts[table] = Number(row.count)
  }
  return counts
}
