/** Requests that work with Keycloak 26 and answers that its clients know, compared with a running one. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decodeJwt } from 'jose'
import { request } from 'undici'
import type { Store } from '../../src/store/store.ts'
import { forEachDatabase } from '../support/database.ts'
import { type OpHost, startOpHost } from '../support/op-host.ts'
import { someMapper } from '../support/realm-in-memory.ts'
import { passSignIn, type RelyingParty } from '../support/relying-party.ts'

/** The answer to an authorization request with these parameters alone, by somebody who signs in. */
async function authorize(host: OpHost, parameters: Record<string, string>): Promise<URL> {
  const { issuer } = host.realm()
  const url = `${issuer}/protocol/openid-connect/auth?${new URLSearchParams({ response_type: 'code', ...parameters })}`
  const browser = host.browser()
  const page = await passSignIn(browser, await browser.get(url), issuer, 'alice')
  assert.ok(page.location, page.text)
  return new URL(page.location)
}

const callback = 'https://wiki.example/callback'
const wiki = { client_id: 'wiki', redirect_uri: callback }

async function code(host: OpHost, parameters: Record<string, string> = {}): Promise<string> {
  const back = await authorize(host, { ...wiki, scope: 'openid', ...parameters })
  return back.searchParams.get('code') ?? `no code: ${back.href}`
}

async function eventsOf(store: Store, type: string, count: number) {
  for (let tries = 0; ; tries++) {
    const rows = await store.read.db
      .selectFrom('event')
      .select(['account_id', 'error', 'details'])
      .where('type', '=', type)
      .orderBy('seq')
      .execute()
    if (rows.length >= count || tries === 100) return rows
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

const words = ({ status, body }: Awaited<ReturnType<RelyingParty['post']>>) => [
  status,
  body.error,
  body.error_description,
]

forEachDatabase('what a client of Keycloak does', (database) => {
  test('the page itself with its fragment is a redirect address, at the sign-in and at the exchange (KK-20)', async () => {
    await using store = await database.open()
    await using host = await startOpHost({ store })
    const page = `${callback}#/inbox?open=1`
    const back = await authorize(host, { ...wiki, scope: 'openid', redirect_uri: page, state: 's' })
    assert.ok(back.href.startsWith(`${callback}?`), back.href)
    assert.equal(back.hash, '')
    const fields = { grant_type: 'authorization_code', code: back.searchParams.get('code') ?? '' }
    const answer = await host.rp('wiki').post('token', { ...fields, redirect_uri: page })
    assert.equal(answer.status, 200, JSON.stringify(answer.body))
  })

  test('an authorization request without a scope gets the default ones and no ID token (RFC 6749 §3.3)', async () => {
    await using store = await database.open()
    await using host = await startOpHost({ store })
    for (const extra of [{}, { scope: '' }, { nonce: 'n' }]) {
      const back = await authorize(host, { ...wiki, ...extra })
      const answer = await host.rp('wiki').post('token', {
        grant_type: 'authorization_code',
        code: back.searchParams.get('code') ?? back.href,
        redirect_uri: callback,
      })
      assert.equal(answer.status, 200, JSON.stringify(answer.body))
      assert.equal((answer.body as Record<string, unknown>)['scope'], 'profile email')
      assert.equal(answer.body.id_token, undefined)
      assert.equal(decodeJwt(answer.body.access_token ?? '')['email'], 'alice@example.org')
      assert.equal((await host.rp('wiki').refresh(answer.body.refresh_token ?? '')).status, 200)
    }
  })

  test('a pushed request without a scope is one with the default ones (RFC 9126 §2.1)', async () => {
    await using store = await database.open()
    await using host = await startOpHost({ store })
    const pushed = await host.rp('wiki').post('ext/par/request', {
      response_type: 'code',
      redirect_uri: `${callback}#here`,
    })
    assert.equal(pushed.status, 201, JSON.stringify(pushed.body))
    const { request_uri: uri } = pushed.body as Record<string, unknown>
    const back = await authorize(host, { client_id: 'wiki', request_uri: String(uri) })
    assert.ok(back.searchParams.get('code'), back.href)
  })

  test('a confidential client whose registration says so must use PKCE (§19.3)', async () => {
    await using store = await database.open()
    const attributes = { 'pkce.code.challenge.method': 'S256' }
    await using host = await startOpHost({ store, clients: [{ clientId: 'wiki', attributes }] })
    const back = await authorize(host, { ...wiki, scope: 'openid' })
    assert.equal(back.searchParams.get('error'), 'invalid_request')
    assert.ok((await host.rp('wiki').signIn(host.browser())).access_token)
  })

  test('iss and session_state stay out of the answer of a client that asks for it (KC-07)', async () => {
    await using store = await database.open()
    const attributes = {
      'exclude.session.state.from.auth.response': 'true',
      'exclude.issuer.from.auth.response': 'true',
    }
    await using host = await startOpHost({
      store,
      clients: [{ clientId: 'wiki', attributes }, { clientId: 'chat' }],
    })
    const short = await authorize(host, { ...wiki, scope: 'openid', state: 's' })
    assert.deepEqual([...short.searchParams.keys()].sort(), ['code', 'state'])
    const chat = { client_id: 'chat', redirect_uri: 'https://chat.example/callback' }
    const whole = await authorize(host, { ...chat, scope: 'openid', state: 's' })
    assert.deepEqual([...whole.searchParams.keys()].sort(), ['code', 'iss', 'session_state', 'state'])
  })

  test('audience mappers add to the ID token where they say so, and levels of sign-in have names (§19.3)', async () => {
    await using store = await database.open()
    const audience = (value: string, isInId: string) =>
      someMapper('oidc-audience-mapper', {
        'included.custom.audience': value,
        'id.token.claim': isInId,
        'access.token.claim': 'true',
      })
    const protocolMappers = [
      audience('cluster', 'true'),
      audience('api', 'false'),
      someMapper('oidc-acr-mapper'),
    ]
    const own = { 'acr.loa.map': '{"bronze":1}' }
    await using host = await startOpHost({
      store,
      clients: [
        { clientId: 'wiki', protocolMappers },
        { clientId: 'chat', attributes: own },
      ],
    })
    const attributes = { 'acr.loa.map': '{"silver":"1","gold":"2"}' }
    host.changeRealm('test', (realm) => ({ ...realm, attributes }))
    const tokens = await host.rp('wiki').signIn(host.browser())
    const id = decodeJwt(tokens.id_token)
    assert.deepEqual([id.aud, id['azp'], id['acr']], [['wiki', 'cluster'], 'wiki', 'silver'])
    assert.deepEqual(decodeJwt(tokens.access_token).aud, ['cluster', 'api'])
    assert.equal(decodeJwt(tokens.access_token)['acr'], 'silver')
    const chat = decodeJwt((await host.rp('chat').signIn(host.browser())).id_token)
    assert.deepEqual([chat.aud, chat['acr']], ['chat', 'bronze'])
    const discovery = await request(`${host.realm().issuer}/.well-known/openid-configuration`)
    const document = (await discovery.body.json()) as Record<string, unknown>
    assert.deepEqual(document['acr_values_supported'], ['0', '1', 'silver', 'gold'])
  })

  test('not-before-policy is the later one of realm and client (§14.2)', async () => {
    await using store = await database.open()
    await using host = await startOpHost({
      store,
      clients: [{ clientId: 'wiki', notBefore: 7 }, { clientId: 'chat' }],
    })
    host.changeRealm('test', (realm) => ({ ...realm, notBefore: 5 }))
    const policyOf = async (clientId: string) => {
      const tokens = await host.rp(clientId).signIn(host.browser())
      return (tokens as unknown as Record<string, unknown>)['not-before-policy']
    }
    assert.deepEqual([await policyOf('wiki'), await policyOf('chat')], [7, 5])
  })

  test('refused codes have the descriptions and event words of Keycloak (KE-02)', async () => {
    await using store = await database.open()
    await using host = await startOpHost({ store, settings: { eventsEnabled: true } })
    const rp = host.rp('wiki')
    const challenge = { code_challenge: 'a'.repeat(43), code_challenge_method: 'S256' }
    const exchange = async (given: string, extra: Record<string, string> = {}) =>
      words(
        await rp.post('token', {
          grant_type: 'authorization_code',
          code: given,
          redirect_uri: callback,
          ...extra,
        }),
      )
    const verifier = { code_verifier: 'v'.repeat(43) }
    assert.deepEqual(await exchange('bogus'), [400, 'invalid_grant', 'Code not valid'])
    assert.deepEqual(await exchange(await code(host), { redirect_uri: `${callback}x` }), [
      400,
      'invalid_grant',
      'Incorrect redirect_uri',
    ])
    assert.deepEqual(await exchange(await code(host, challenge)), [
      400,
      'invalid_grant',
      'PKCE code verifier not specified',
    ])
    assert.deepEqual(await exchange(await code(host, challenge), verifier), [
      400,
      'invalid_grant',
      'PKCE verification failed: Code mismatch',
    ])
    assert.deepEqual(await exchange(await code(host), verifier), [
      400,
      'invalid_grant',
      'PKCE code verifier specified but challenge not present in authorization',
    ])
    const events = await eventsOf(store, 'CODE_TO_TOKEN_ERROR', 5)
    assert.deepEqual(events.map((event) => event.error).sort(), [
      'code_verifier_missing',
      'invalid_code',
      'invalid_code_verifier',
      'invalid_redirect_uri',
      'pkce_verification_failed',
    ])
    for (const { details } of events) assert.ok(!details.includes('a request that was refused'), details)
  })

  test('refused clients and requests have the errors of RFC 6749 §5.2 in the words of Keycloak', async () => {
    await using store = await database.open()
    const clients = [{ clientId: 'wiki' }, { clientId: 'off', enabled: false }]
    await using host = await startOpHost({ store, clients, settings: { eventsEnabled: true } })
    const rp = host.rp('wiki')
    const invalidClient = [401, 'invalid_client', 'Invalid client or Invalid client credentials']
    const credentials = { grant_type: 'client_credentials' }
    assert.deepEqual(words(await host.rp('wiki', { secret: 'x' }).post('token', credentials)), invalidClient)
    assert.deepEqual(words(await host.rp('nobody').post('token', credentials)), invalidClient)
    assert.deepEqual(words(await host.rp('off').post('token', credentials)), invalidClient)
    const notAllowed = [400, 'unauthorized_client', 'Client not enabled to retrieve service account']
    assert.deepEqual(words(await rp.post('token', credentials)), notAllowed)
    const missing = (name: string) => [400, 'invalid_request', name]
    assert.deepEqual(words(await rp.post('token', {})), missing('Missing form parameter: grant_type'))
    assert.deepEqual(
      words(await rp.post('token', { grant_type: 'authorization_code', redirect_uri: callback })),
      missing('Missing parameter: code'),
    )
    assert.deepEqual(
      words(await rp.post('token', { grant_type: 'refresh_token' })),
      missing('No refresh token'),
    )
    assert.deepEqual(words(await rp.post('token', { grant_type: 'bogus' })), [
      400,
      'unsupported_grant_type',
      'Unsupported grant_type',
    ])
    const events = await eventsOf(store, 'CLIENT_LOGIN_ERROR', 4)
    assert.deepEqual(events.map((event) => event.error).sort(), [
      'client_disabled',
      'client_not_found',
      'invalid_client',
      'invalid_client_credentials',
    ])
  })

  test('events name who signed in, a service with its account, and the scope that was granted (KE-05)', async () => {
    await using store = await database.open()
    const clients = [
      { clientId: 'wiki' },
      { clientId: 'chat' },
      { clientId: 'job', serviceAccountsEnabled: true },
    ]
    await using host = await startOpHost({ store, clients, settings: { eventsEnabled: true } })
    const browser = host.browser()
    await host.rp('wiki').signIn(browser)
    await host.rp('chat').signIn(browser)
    await host.rp('job').post('token', { grant_type: 'client_credentials' })
    const details = async (type: string, count: number) =>
      (await eventsOf(store, type, count)).map((event) => JSON.parse(event.details) as Record<string, string>)
    assert.deepEqual(
      (await details('LOGIN', 2)).map((one) => one['username']),
      ['alice', 'alice'],
    )
    const [exchanged] = await details('CODE_TO_TOKEN', 2)
    assert.equal(exchanged?.['scope'], 'openid profile email')
    const [service] = await eventsOf(store, 'CLIENT_LOGIN', 1)
    assert.equal(service?.account_id, 'id-test-service-account-job')
    const [own] = await details('CLIENT_LOGIN', 1)
    assert.deepEqual([own?.['username'], own?.['scope']], ['service-account-job', 'profile email'])
  })
})
