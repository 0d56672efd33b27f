/** Twins of the modules of `oidcc-basic-certification-test-plan` (protocols.md §8.3), each named by its module. */
import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { after, before, test } from 'node:test'
import { createRemoteJWKSet, decodeProtectedHeader, jwtVerify } from 'jose'
import { request } from 'undici'
import { basicOp } from '../../support/basic-op.ts'
import { forEachDatabase } from '../../support/database.ts'
import { testSecret } from '../../support/realm-export.ts'
import { startWholeServer, type WholeServer } from '../../support/whole-server.ts'

const callback = 'https://suite.example/test/a/curfew/callback'

const profile = {
  middleName: ['Beth'],
  nickname: ['ali'],
  profile: ['https://example.org/alice'],
  picture: ['https://example.org/alice.png'],
  website: ['https://alice.example'],
  gender: ['female'],
  birthdate: ['1990-01-31'],
  zoneinfo: ['Europe/Berlin'],
  locale: ['en'],
  updatedAt: ['1700000000'],
}
const address = { street: ['1 Main St'], locality: ['Springfield'], postal_code: ['62701'], country: ['US'] }
const phone = { phoneNumber: ['+15551234567'], phoneNumberVerified: ['true'] }

/** OpenID Connect Core 1.0 §5.4. */
const claimsOfScope = {
  profile: [
    ...['name', 'family_name', 'given_name', 'middle_name', 'nickname', 'preferred_username', 'profile'],
    ...['picture', 'website', 'gender', 'birthdate', 'zoneinfo', 'locale', 'updated_at'],
  ],
  email: ['email', 'email_verified'],
  address: ['address'],
  phone: ['phone_number', 'phone_number_verified'],
} as const

forEachDatabase('openid conformance suite: Basic OP', (database) => {
  let world: WholeServer
  let op: ReturnType<typeof basicOp>
  before(async () => {
    const all = ['profile', 'email', 'address', 'phone']
    const scopes = { defaultClientScopes: ['basic', 'acr'], optionalClientScopes: all }
    world = await startWholeServer(database, {
      userAttributes: { ...profile, ...address, ...phone },
      clients: ['suite-1', 'suite-2'].map((clientId) => ({
        clientId,
        redirectUri: callback,
        representation: scopes,
      })),
    })
    op = basicOp(world, 'suite-1', callback)
  })
  after(() => world?.[Symbol.asyncDispose]())

  test('oidcc-server: the code flow with Basic authentication, and an ID Token without claims that nobody asked for', async () => {
    const { tokens, idToken, response } = await op.flow()
    assert.equal(String(tokens['token_type']).toLowerCase(), 'bearer')
    assert.equal(typeof tokens['expires_in'], 'number')
    const always = ['acr', 'amr', 'aud', 'auth_time', 'azp', 'exp', 'iat', 'iss', 'nonce', 'sid', 'sub']
    // `at_hash` and `jti` are free to stand there; `typ` is Keycloak's (KK-01)
    const added = Object.keys(idToken).filter((name) => !['at_hash', 'jti', 'typ'].includes(name))
    assert.deepEqual(added.sort(), always)
    assert.deepEqual([...response.keys()].sort(), ['code', 'iss', 'session_state', 'state'])
  })

  test('oidcc-response-type-missing: the application gets invalid_request', async () => {
    const { response } = await op.authorize({ response_type: undefined, state: 'kept' })
    assert.equal(response.get('error'), 'invalid_request')
    assert.equal(response.get('state'), 'kept')
  })

  test('oidcc-idtoken-signature, oidcc-idtoken-rs256: signed with RS256 by a key of the JWKS with its kid', async () => {
    const { tokens } = await op.flow()
    const token = String(tokens['id_token'])
    const { alg, kid } = decodeProtectedHeader(token)
    assert.ok(alg === 'RS256' && kid)
    const keys = createRemoteJWKSet(new URL(`${op.base}/certs`))
    await jwtVerify(token, keys, { issuer: world.issuer, audience: 'suite-1' })
  })

  test('oidcc-idtoken-unsigned: alg none is not offered', async () => {
    const discovery = await discover()
    assert.ok(!(discovery['id_token_signing_alg_values_supported'] as string[]).includes('none'))
  })

  test('oidcc-userinfo-get, oidcc-userinfo-post-header, oidcc-userinfo-post-body: the same sub as the ID Token', async () => {
    const { accessToken, idToken } = await op.flow()
    assert.equal((await op.userinfo(accessToken))['sub'], idToken.sub)
    const inHeader = await op.post('userinfo', {}, `Bearer ${accessToken}`)
    assert.deepEqual([inHeader.status, inHeader.body['sub']], [200, idToken.sub])
    const inBody = await op.post('userinfo', { access_token: accessToken })
    assert.deepEqual([inBody.status, inBody.body['sub']], [200, idToken.sub])
  })

  test('oidcc-ensure-request-without-nonce-succeeds-for-code-flow: and the ID Token has none', async () => {
    await op.flow({ nonce: undefined })
  })

  for (const [module, scope] of [
    ['oidcc-scope-profile', 'profile'],
    ['oidcc-scope-email', 'email'],
    ['oidcc-scope-address', 'address'],
    ['oidcc-scope-phone', 'phone'],
  ] as const) {
    test(`${module}: userinfo has every claim of the scope and none of another`, async () => {
      const said = await op.userinfo((await op.flow({ scope: `openid ${scope}` })).accessToken)
      // `auth_time` is Keycloak's, from its scope `basic`
      const names = Object.keys(said).filter((name) => name !== 'auth_time')
      assert.deepEqual(names.sort(), ['sub', ...claimsOfScope[scope]].sort())
    })
  }

  test('oidcc-scope-all: userinfo has every claim, each of its type', async () => {
    const { accessToken } = await op.flow({ scope: 'openid profile email address phone' })
    const said = await op.userinfo(accessToken)
    for (const name of Object.values(claimsOfScope).flat()) assert.ok(name in said, name)
    assert.equal(said['email_verified'], true)
    assert.equal(said['phone_number_verified'], true)
    assert.equal(said['updated_at'], 1_700_000_000)
    assert.deepEqual(said['address'], {
      street_address: '1 Main St',
      locality: 'Springfield',
      postal_code: '62701',
      country: 'US',
    })
  })

  test('oidcc-alternate-happy-flow: scopes in another order and a long state', async () => {
    const state = randomBytes(64).toString('base64url')
    const { response, accessToken } = await op.flow({ scope: 'email openid', state })
    assert.equal(response.get('state'), state)
    assert.equal((await op.userinfo(accessToken))['email'], 'alice@example.org')
  })

  for (const [module, changes] of [
    ['oidcc-display-page', { display: 'page' }],
    ['oidcc-display-popup', { display: 'popup' }],
    ['oidcc-ensure-request-with-unknown-parameter-succeeds', { extra: 'foobar' }],
    ['oidcc-ui-locales', { ui_locales: 'se' }],
    ['oidcc-claims-locales', { claims_locales: 'se' }],
    ['oidcc-ensure-request-with-acr-values-succeeds', { acr_values: '1 2' }],
  ] as const) {
    test(`${module}: the sign-in goes on`, async () => {
      await op.flow(changes)
    })
  }

  test('oidcc-login-hint: the sign-in page knows the name', async () => {
    const agent = world.browser()
    const shown = await agent.follow(
      await agent.get(op.authorizationUrl({ login_hint: 'alice' })),
      world.issuer,
    )
    assert.match(shown.text, /name="username" value="alice"/)
    assert.ok((await op.finish(agent, shown)).response.has('code'))
  })

  test('oidcc-prompt-login: the person is asked again, and auth_time is newer', async () => {
    const first = await op.flow()
    await new Promise((resolve) => setTimeout(resolve, 1100))
    const again = await op.flow({ prompt: 'login' }, first.agent)
    assert.equal(again.wasAsked, true)
    assert.equal(again.idToken.sub, first.idToken.sub)
    assert.ok(Number(again.idToken['auth_time']) > Number(first.idToken['auth_time']))
  })

  test('oidcc-prompt-none-not-logged-in: an error that says that a page is needed', async () => {
    const { response } = await op.authorize({ prompt: 'none' })
    assert.equal(response.get('error'), 'login_required')
    assert.equal(response.has('code'), false)
  })

  test('oidcc-prompt-none-logged-in, oidcc-id-token-hint: silent, the same person and the same auth_time', async () => {
    const first = await op.flow()
    for (const changes of [{}, { id_token_hint: String(first.tokens['id_token']) }]) {
      const again = await op.flow({ prompt: 'none', ...changes }, first.agent)
      assert.equal(again.wasAsked, false)
      assert.equal(again.idToken.sub, first.idToken.sub)
      assert.equal(again.idToken['auth_time'], first.idToken['auth_time'])
    }
  })

  test('oidcc-max-age-1: after a second the person is asked again, and auth_time is newer', async () => {
    const first = await op.flow()
    await new Promise((resolve) => setTimeout(resolve, 2100))
    const again = await op.flow({ max_age: '1' }, first.agent)
    assert.equal(again.wasAsked, true)
    assert.ok(Number(again.idToken['auth_time']) > Number(first.idToken['auth_time']))
  })

  test('oidcc-max-age-10000: silent, with the auth_time of the sign-in', async () => {
    const first = await op.flow({ max_age: '15000' })
    const again = await op.flow({ max_age: '10000' }, first.agent)
    assert.equal(again.wasAsked, false)
    assert.equal(again.idToken['auth_time'], first.idToken['auth_time'])
  })

  for (const [module, waitMs] of [
    ['oidcc-codereuse', 0],
    ['oidcc-codereuse-30seconds', 30_000],
  ] as const) {
    test(`${module}: invalid_grant, and what the code brought is revoked`, async () => {
      const { response } = await op.authorize()
      const code = response.get('code') ?? ''
      const first = await op.exchange(code)
      assert.equal(first.status, 200)
      world.pass(waitMs)
      const second = await op.exchange(code)
      assert.deepEqual([second.status, second.body['error']], [400, 'invalid_grant'])
      const refresh = { grant_type: 'refresh_token', refresh_token: String(first.body['refresh_token']) }
      assert.equal((await op.token(refresh)).body['error'], 'invalid_grant')
      const said = await request(`${op.base}/userinfo`, {
        headers: { authorization: `Bearer ${first.body['access_token']}` },
      })
      assert.equal(said.statusCode, 401)
      await said.body.dump()
    })
  }

  for (const [module, changes] of [
    ['oidcc-ensure-registered-redirect-uri', { redirect_uri: `${callback}/foo` }],
    ['oidcc-redirect-uri-query-added', { redirect_uri: `${callback}?foo=bar` }],
    ['oidcc-ensure-redirect-uri-in-authorization-request', { redirect_uri: undefined }],
    [
      'oidcc-ensure-request-object-with-redirect-uri',
      { redirect_uri: `${callback}/foo`, request: unsignedRequestObject() },
    ],
  ] as const) {
    test(`${module}: a page here and never a redirect, with advice for somebody who signs in`, async () => {
      const agent = world.browser()
      const page = await agent.get(op.authorizationUrl(changes))
      assert.equal(page.status, 400)
      assert.equal(page.location, undefined)
      assert.doesNotMatch(page.text, /suite\.example|sign out/i)
      const [, reference] = /<code[^>]*>(er_[\w-]+)</.exec(page.text) ?? []
      assert.ok(reference)
      assert.deepEqual(
        world.errors().at(-1)?.details['reference'],
        reference,
        'the event has what the person can tell',
      )
    })
  }

  test('oidcc-ensure-post-request-succeeds: the authorization request by POST', async () => {
    const agent = world.browser()
    const url = new URL(op.authorizationUrl())
    const page = await agent.post(`${op.base}/auth`, Object.fromEntries(url.searchParams))
    const { response, wasAsked } = await op.finish(agent, page)
    assert.equal(wasAsked, true)
    assert.equal((await op.exchange(response.get('code') ?? '')).status, 200)
  })

  test('oidcc-server-client-secret-post: the secret in the body', async () => {
    const { response } = await op.authorize()
    const answer = await op.post('token', {
      grant_type: 'authorization_code',
      code: response.get('code') ?? '',
      redirect_uri: callback,
      client_id: 'suite-1',
      client_secret: testSecret,
    })
    assert.equal(answer.status, 200)
  })

  test('oidcc-request-uri-unsigned-supported-correctly-or-rejected-as-unsupported: rejected, and discovery says so', async () => {
    const { response } = await op.authorize({ request_uri: 'https://suite.example/request.jwt' })
    assert.equal(response.get('error'), 'request_uri_not_supported')
    assert.equal((await discover())['request_uri_parameter_supported'], false)
  })

  test('oidcc-unsigned-request-object-supported-correctly-or-rejected-as-unsupported: rejected, and discovery does not offer it', async () => {
    const { response } = await op.authorize({ request: unsignedRequestObject() })
    assert.equal(response.get('error'), 'request_not_supported')
    assert.notEqual((await discover())['request_parameter_supported'], true)
  })

  test('oidcc-claims-essential: userinfo has the claim that was asked for by name, without its scope', async () => {
    const claims = JSON.stringify({ userinfo: { name: { essential: true } } })
    const { accessToken, idToken, tokens } = await op.flow({ claims })
    assert.equal(idToken['name'], undefined)
    assert.equal((await op.userinfo(accessToken))['name'], 'alice Example')
    const fresh = await op.token({
      grant_type: 'refresh_token',
      refresh_token: String(tokens['refresh_token']),
    })
    assert.equal((await op.userinfo(String(fresh.body['access_token'])))['name'], 'alice Example')
  })

  test('oidcc-refresh-token: works for its client, keeps sub and auth_time, and is refused for another', async () => {
    const { tokens, idToken } = await op.flow({ scope: 'openid email' })
    const form = { grant_type: 'refresh_token', refresh_token: String(tokens['refresh_token']) }
    const other = await basicOp(world, 'suite-2', callback).token(form)
    assert.deepEqual([other.status, other.body['error']], [400, 'invalid_grant'])
    const { status, body } = await op.token(form)
    assert.equal(status, 200)
    const { payload } = await jwtVerify(
      String(body['id_token']),
      createRemoteJWKSet(new URL(`${op.base}/certs`)),
    )
    assert.deepEqual(
      [payload.sub, payload['auth_time'], payload.aud],
      [idToken.sub, idToken['auth_time'], 'suite-1'],
    )
    assert.notEqual(body['access_token'], tokens['access_token'])
  })

  test('oidcc-ensure-request-with-valid-pkce-succeeds: with the verifier, and not with another', async () => {
    const verifier = randomBytes(32).toString('base64url')
    const pkce = {
      code_challenge: createHash('sha256').update(verifier).digest('base64url'),
      code_challenge_method: 'S256',
    }
    const first = await op.authorize(pkce)
    const answer = await op.exchange(first.response.get('code') ?? '', { code_verifier: verifier })
    assert.equal(answer.status, 200)
    const second = await op.authorize(pkce, first.agent)
    const wrong = await op.exchange(second.response.get('code') ?? '', { code_verifier: `${verifier}x` })
    assert.equal(wrong.body['error'], 'invalid_grant')
  })

  async function discover(): Promise<Record<string, unknown>> {
    const answer = await request(`${world.issuer}/.well-known/openid-configuration`)
    return (await answer.body.json()) as Record<string, unknown>
  }
})

function unsignedRequestObject(): string {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
  const claims = { client_id: 'suite-1', redirect_uri: callback, response_type: 'code', scope: 'openid' }
  return `${part({ alg: 'none' })}.${part(claims)}.`
}
