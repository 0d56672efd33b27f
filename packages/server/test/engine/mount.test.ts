/** Contract: the host side of the engine (engine.md §4). */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import { request } from 'undici'
import { systemAmbient } from '../../src/ambient/ambient.ts'
import { forEachDatabase } from '../support/database.ts'
import { startOpHost } from '../support/op-host.ts'
import { testSecret } from '../support/realm-export.ts'

async function call(
  url: string,
  options: {
    method?: 'GET' | 'POST' | 'OPTIONS' | 'PUT'
    headers?: Record<string, string>
    body?: string
  } = {},
): Promise<{ status: number; headers: Record<string, unknown>; text: string }> {
  const { method = 'GET', headers = {}, body } = options
  const type = body === undefined ? {} : { 'content-type': 'application/x-www-form-urlencoded' }
  const answer = await request(url, { method, headers: { ...type, ...headers }, body: body ?? null })
  return { status: answer.statusCode, headers: answer.headers, text: await answer.body.text() }
}

const basic = (id: string, secret: string): string =>
  `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`

forEachDatabase('the host of the engine', (database) => {
  test("every URL of discovery has the issuer's origin, whatever Host and X-Forwarded-* say, and ours are there", async () => {
    await using store = await database.open()
    await using host = await startOpHost({ store })
    const { issuer } = host.realm()
    const answer = await call(`${issuer}/.well-known/openid-configuration`, {
      headers: { host: 'evil.example', 'x-forwarded-host': 'evil.example', 'x-forwarded-proto': 'https' },
    })
    const document = JSON.parse(answer.text) as Record<string, unknown>
    assert.equal(document['issuer'], issuer)
    for (const [name, value] of Object.entries(document)) {
      if (/_(endpoint|uri|iframe)$/.test(name))
        assert.ok(String(value).startsWith(`${issuer}/`), `${name}: ${value}`)
    }
    assert.equal(document['end_session_endpoint'], `${issuer}/protocol/openid-connect/logout`)
    assert.equal(document['backchannel_logout_session_supported'], true)
    assert.deepEqual(document['response_types_supported'], ['code'])
    assert.ok(!(document['grant_types_supported'] as string[]).includes('password'))
  })

  test('nothing at or below /logout reaches the engine', async () => {
    await using store = await database.open()
    await using host = await startOpHost({ store })
    const base = `${host.realm().issuer}/protocol/openid-connect`
    for (const path of [
      '/logout',
      '/logout/confirm',
      '/logout/success',
      '/LOGOUT/confirm',
      '/logout/confirm/',
    ]) {
      const answer = await call(`${base}${path}`, { method: 'POST', body: 'xsrf=x&logout=yes' })
      assert.equal(answer.status, 404, path)
    }
  })

  test('POST to /auth becomes the same request as GET (KP-01)', async () => {
    await using store = await database.open()
    await using host = await startOpHost({ store })
    const get = host.rp('wiki').authorizationUrl()
    const [path = '', query = ''] = get.split('?')
    const answer = await call(path, { method: 'POST', body: query })
    assert.equal(answer.status, 303)
    assert.equal(answer.headers['location'], get)
  })

  test('POST to /auth with what no header can carry is answered like any other (CVE-2019-20479)', async () => {
    await using store = await database.open()
    await using host = await startOpHost({ store })
    const path = `${host.realm().issuer}/protocol/openid-connect/auth`
    for (const state of ['\u{1F600}', '\x01', '\r\nx: y', '#fragment', 'plus+space ']) {
      const answer = await call(path, { method: 'POST', body: `client_id=wiki&state=${state}` })
      assert.equal(answer.status, 303)
      const target = new URL(String(answer.headers['location']))
      assert.equal(target.origin + target.pathname + target.hash, path)
      assert.equal(target.searchParams.get('state'), state.replaceAll('+', ' '))
      assert.equal(answer.headers['x'], undefined)
    }
    const nul = await call(path, { method: 'POST', body: 'client_id=wiki&state=%00' })
    assert.equal(nul.status, 400)
  })

  test('a fault before the engine runs is a 500 and never a request without an answer', async () => {
    await using store = await database.open()
    const lines: string[] = []
    const ambient = systemAmbient({ log: { write: (_level, event) => void lines.push(event) } })
    await using host = await startOpHost({ store, ambient })
    const url = `${host.realm().issuer}/protocol/openid-connect/token`
    host.changeRealm('test', (realm) => ({ ...realm, issuer: 'no address at all' }))
    const answer = await call(url, { method: 'POST', body: 'grant_type=refresh_token' })
    assert.equal(answer.status, 500)
    assert.deepEqual(JSON.parse(answer.text), {
      error: 'server_error',
      error_description: 'The server made a mistake.',
    })
    assert.deepEqual(lines, ['op.engine_failed'])
  })

  test('an omitted redirect_uri is an error, and an unregistered one a page without a redirect', async () => {
    await using store = await database.open()
    await using host = await startOpHost({ store })
    const url = new URL(host.rp('wiki').authorizationUrl())
    url.searchParams.delete('redirect_uri')
    const omitted = await call(url.href, { headers: { accept: 'text/html' } })
    assert.equal(omitted.status, 400)
    url.searchParams.set('redirect_uri', 'https://evil.example/')
    const foreign = await call(url.href, { headers: { accept: 'text/html' } })
    assert.equal(foreign.status, 400)
    assert.match(foreign.text, /error: redirect/)
    assert.equal(foreign.headers['location'], undefined)
    url.searchParams.set('client_id', 'nobody')
    assert.match((await call(url.href, { headers: { accept: 'text/html' } })).text, /error: client/)
  })

  test("Keycloak's trailing * is a registered redirect address (SR-22)", async () => {
    await using store = await database.open()
    const client = { clientId: 'wiki', redirectUris: ['https://wiki.example/app/*'] }
    await using host = await startOpHost({ store, clients: [client] })
    const url = new URL(host.rp('wiki').authorizationUrl({ prompt: 'none' }))
    url.searchParams.set('redirect_uri', 'https://wiki.example/app/page?a=1')
    const answer = await call(url.href)
    assert.equal(answer.status, 303)
    assert.match(
      String(answer.headers['location']),
      /^https:\/\/wiki\.example\/app\/page\?a=1&error=login_required/,
    )
  })

  test('empty form parameters count as absent (KK-04)', async () => {
    await using store = await database.open()
    const client = { clientId: 'wiki', serviceAccountsEnabled: true }
    await using host = await startOpHost({ store, clients: [client] })
    const url = `${host.realm().issuer}/protocol/openid-connect/token`
    const fields = `grant_type=client_credentials&client_id=wiki&client_secret=${testSecret}&code=&redirect_uri=&username=&password=&scope=`
    const answer = await call(url, { method: 'POST', body: fields })
    assert.equal(answer.status, 200, answer.text)
  })

  test('the secret in the header and in the body at once is accepted when both are the same, and 401 when not (KK-05)', async () => {
    await using store = await database.open()
    const client = { clientId: 'wiki', serviceAccountsEnabled: true }
    await using host = await startOpHost({ store, clients: [client] })
    const url = `${host.realm().issuer}/protocol/openid-connect/token`
    const headers = { authorization: basic('wiki', testSecret) }
    const same = `grant_type=client_credentials&client_id=wiki&client_secret=${testSecret}`
    assert.equal((await call(url, { method: 'POST', body: same, headers })).status, 200)
    const other = `grant_type=client_credentials&client_id=wiki&client_secret=other`
    const refused = await call(url, { method: 'POST', body: other, headers })
    assert.equal(refused.status, 401)
    assert.equal(JSON.parse(refused.text).error, 'invalid_client')
  })

  test('Basic credentials are read form-encoded and as they stand (KK-06)', async () => {
    await using store = await database.open()
    const secret = 'a+b%2Fc d='
    const client = { clientId: 'wiki', serviceAccountsEnabled: true, secret }
    await using host = await startOpHost({ store, clients: [client] })
    const url = `${host.realm().issuer}/protocol/openid-connect/token`
    const body = 'grant_type=client_credentials'
    for (const spelling of [secret, encodeURIComponent(secret)]) {
      const answer = await call(url, {
        method: 'POST',
        body,
        headers: { authorization: basic('wiki', spelling) },
      })
      assert.equal(answer.status, 200, `${spelling}: ${answer.text}`)
    }
  })

  test('CORS echoes the origin of a client with credentials, on errors too, and gives a foreign one nothing (KK-22)', async () => {
    await using store = await database.open()
    const client = { clientId: 'spa', publicClient: true, webOrigins: ['https://spa.example'] }
    await using host = await startOpHost({ store, clients: [client, { clientId: 'wiki' }] })
    const url = `${host.realm().issuer}/protocol/openid-connect/token`
    const body = 'grant_type=refresh_token&client_id=spa&refresh_token=x'
    const good = await call(url, { method: 'POST', body, headers: { origin: 'https://spa.example' } })
    assert.equal(good.status, 400)
    assert.equal(good.headers['access-control-allow-origin'], 'https://spa.example')
    assert.equal(good.headers['access-control-allow-credentials'], 'true')
    const foreign = await call(url, { method: 'POST', body, headers: { origin: 'https://evil.example' } })
    assert.equal(foreign.status, 400)
    assert.equal(foreign.headers['access-control-allow-origin'], undefined)
    const ofOther = `${body.replace('spa', 'wiki')}&client_secret=${testSecret}`
    const crossed = await call(url, {
      method: 'POST',
      body: ofOther,
      headers: { origin: 'https://spa.example' },
    })
    assert.equal(crossed.headers['access-control-allow-origin'], undefined)
    const preflight = await call(url, {
      method: 'OPTIONS',
      headers: { origin: 'https://spa.example', 'access-control-request-method': 'POST' },
    })
    assert.equal(preflight.status, 204)
    assert.equal(preflight.headers['access-control-allow-credentials'], 'true')
  })

  test('a body that is too large, of another type or of a foreign method is a clear error', async () => {
    await using store = await database.open()
    await using host = await startOpHost({ store })
    const url = `${host.realm().issuer}/protocol/openid-connect/token`
    assert.equal((await call(url, { method: 'POST', body: `a=${'x'.repeat(60_000)}` })).status, 413)
    const json = await call(url, {
      method: 'POST',
      body: '{}',
      headers: { 'content-type': 'application/json' },
    })
    assert.equal(json.status, 400)
    assert.equal((await call(url, { method: 'PUT', body: 'a=b' })).status, 405)
    const twice = `grant_type=refresh_token&grant_type=refresh_token&client_id=wiki&client_secret=${testSecret}`
    assert.equal((await call(url, { method: 'POST', body: twice })).status, 400)
  })

  test('an application’s keys are asked for in its own name, for which the operator may have made an exception', async () => {
    await using store = await database.open()
    const { privateKey, publicKey } = await generateKeyPair('ES256')
    const asked: string[] = []
    await using host = await startOpHost({
      store,
      clients: [
        {
          clientId: 'robot',
          clientAuthenticatorType: 'client-jwt',
          serviceAccountsEnabled: true,
          attributes: { 'use.jwks.url': 'true', 'jwks.url': 'https://robot.internal/jwks' },
        },
      ],
      op: {
        fetchJson: async (url, owner) => {
          asked.push(`${owner?.clientId} ${url}`)
          return { keys: [{ ...(await exportJWK(publicKey)), kid: 'k1' }] }
        },
      },
    })
    const { issuer } = host.realm()
    const assertion = await new SignJWT({ jti: 'j1' })
      .setProtectedHeader({ alg: 'ES256', kid: 'k1' })
      .setIssuer('robot')
      .setSubject('robot')
      .setAudience(issuer)
      .setIssuedAt()
      .setExpirationTime('1m')
      .sign(privateKey)
    const body = new URLSearchParams({
      grant_type: 'client_credentials',
      client_id: 'robot',
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      client_assertion: assertion,
    }).toString()
    await call(`${issuer}/protocol/openid-connect/token`, { method: 'POST', body })
    assert.deepEqual(asked, ['robot https://robot.internal/jwks'])
  })

  test('the key set has the signing key first and every published key with its kid (KK-08)', async () => {
    await using store = await database.open()
    await using host = await startOpHost({ store })
    const answer = await call(`${host.realm().issuer}/protocol/openid-connect/certs`)
    const { keys } = JSON.parse(answer.text) as { keys: { kid: string; alg: string; d?: string }[] }
    assert.deepEqual(
      keys.map((key) => key.alg),
      ['RS256', 'ES256'],
    )
    assert.ok(keys.every((key) => key.kid && key.d === undefined))
  })
})
