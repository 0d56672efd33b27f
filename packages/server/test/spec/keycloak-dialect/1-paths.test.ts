import assert from 'node:assert/strict'
import { createPublicKey, verify } from 'node:crypto'
import { test } from 'node:test'
import { discoveryAdditions } from '../../../src/op/discovery.ts'
import { forEachDatabase } from '../../support/database.ts'
import { openProtocolWorld } from '../../support/protocol-world.ts'
import { someClient } from '../../support/realm-in-memory.ts'

forEachDatabase('keycloak-dialect §1 Paths', (database) => {
  test("KP-20, KK-41: the realm's page gives the key that signs, as Base64 without PEM lines", async () => {
    await using world = await openProtocolWorld(database, { notBefore: 7 })
    const { public_key, ...rest } = (await world.get('/realms/demo')).json()
    assert.deepEqual(rest, {
      realm: 'demo',
      'token-service': 'https://id.example/realms/demo/protocol/openid-connect',
      'account-service': 'https://id.example/realms/demo/account',
      'tokens-not-before': 7,
    })
    const [header, payload, signature] = (await world.accessToken({})).split('.')
    const key = createPublicKey(`-----BEGIN PUBLIC KEY-----\n${public_key}\n-----END PUBLIC KEY-----`)
    assert.ok(
      verify('sha256', Buffer.from(`${header}.${payload}`), key, Buffer.from(String(signature), 'base64url')),
    )
    assert.equal((await world.get('/realms/none')).statusCode, 404)
  })

  test('KP-30: a link to an application is 303 to its baseUrl, resolved on rootUrl, and to nothing else', async () => {
    const clients = [
      someClient({ clientId: 'relative', rootUrl: 'https://a.example/', baseUrl: '/home' }),
      someClient({ clientId: 'absolute', rootUrl: 'https://a.example', baseUrl: 'https://b.example/x' }),
      someClient({ clientId: 'root', rootUrl: 'https://a.example' }),
      someClient({ clientId: 'script', baseUrl: 'javascript:alert(1)' }),
      someClient({ clientId: 'none' }),
      someClient({ clientId: 'off', baseUrl: 'https://b.example', enabled: false }),
    ]
    await using world = await openProtocolWorld(database, { clients })
    const go = async (clientId: string): Promise<unknown> => {
      const answer = await world.get(`/realms/demo/clients/${clientId}/redirect?baseUrl=https://evil.example`)
      return answer.headers['location'] ?? answer.statusCode
    }
    assert.equal(await go('relative'), 'https://a.example/home')
    assert.equal(await go('absolute'), 'https://b.example/x')
    assert.equal(await go('root'), 'https://a.example/')
    for (const clientId of ['script', 'none', 'off', 'unknown']) assert.equal(await go(clientId), 404)
  })

  test('KD-01 to KD-05: discovery says where to sign out and how applications are told', () => {
    const {
      end_session_endpoint,
      check_session_iframe,
      revocation_endpoint,
      introspection_endpoint,
      ...rest
    } = discoveryAdditions({ issuer: 'https://id.example/auth/realms/demo', attributes: {} })
    const base = 'https://id.example/auth/realms/demo/protocol/openid-connect'
    assert.deepEqual(
      { end_session_endpoint, check_session_iframe, revocation_endpoint, introspection_endpoint },
      {
        end_session_endpoint: `${base}/logout`,
        check_session_iframe: `${base}/login-status-iframe.html`,
        revocation_endpoint: `${base}/revoke`,
        introspection_endpoint: `${base}/token/introspect`,
      },
    )
    for (const channel of ['frontchannel', 'backchannel']) {
      assert.equal(rest[`${channel}_logout_supported`], true)
      assert.equal(rest[`${channel}_logout_session_supported`], true)
    }
    const off = discoveryAdditions({ issuer: base, attributes: { 'curfew.session.frame': 'false' } })
    assert.equal('check_session_iframe' in off, false, 'a realm can switch the frame off (SR-23)')
  })

  test('META-01: the RFC 8414 address serves the same document', async () => {
    await using world = await openProtocolWorld(database)
    world.app.get('/realms/demo/.well-known/openid-configuration', () => ({ issuer: world.realm.issuer }))
    const answer = await world.get('/.well-known/oauth-authorization-server/realms/demo')
    assert.deepEqual([answer.statusCode, answer.json()], [200, { issuer: 'https://id.example/realms/demo' }])
    assert.equal((await world.get('/.well-known/oauth-authorization-server/realms/none')).statusCode, 404)
  })
})
