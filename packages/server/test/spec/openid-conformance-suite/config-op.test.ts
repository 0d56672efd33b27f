/** Twin of the module of `oidcc-config-certification-test-plan` (protocols.md §8.3). */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { request } from 'undici'
import { forEachDatabase } from '../../support/database.ts'
import { startWholeServer, type WholeServer } from '../../support/whole-server.ts'

forEachDatabase('openid conformance suite: Config OP', (database) => {
  let world: WholeServer
  before(async () => {
    world = await startWholeServer(database, { clients: [{ clientId: 'suite-1' }] })
  })
  after(() => world?.[Symbol.asyncDispose]())

  test('oidcc-discovery-endpoint-verification: the issuer asked for, every required member, addresses of one origin, keys for signatures', async () => {
    const answer = await request(`${world.issuer}/.well-known/openid-configuration`)
    assert.equal(answer.statusCode, 200)
    assert.match(String(answer.headers['content-type']), /^application\/json/)
    const discovery = (await answer.body.json()) as Record<string, unknown>
    const has = (member: string, value: string): void =>
      assert.ok((discovery[member] as string[]).includes(value), `${member}: ${value}`)
    assert.equal(discovery['issuer'], world.issuer)
    has('response_types_supported', 'code')
    has('subject_types_supported', 'public')
    has('id_token_signing_alg_values_supported', 'RS256')
    has('scopes_supported', 'openid')
    has('token_endpoint_auth_methods_supported', 'client_secret_basic')
    has('claims_supported', 'sub')
    for (const [member, value] of Object.entries(discovery)) {
      const isAddress =
        member.endsWith('_endpoint') || member.endsWith('_uri') || member === 'check_session_iframe'
      if (isAddress) assert.ok(String(value).startsWith(`${world.issuer}/`), member)
      // OpenID Connect Discovery 1.0 §4.2: members with zero elements are left out
      if (Array.isArray(value)) assert.ok(value.length > 0, member)
    }
    assert.equal(discovery['claims_parameter_supported'], true)
    assert.equal(discovery['request_uri_parameter_supported'], false)
    for (const required of ['authorization_endpoint', 'token_endpoint', 'userinfo_endpoint', 'jwks_uri'])
      assert.ok(required in discovery, required)

    const keys = await request(String(discovery['jwks_uri']))
    const jwks = (await keys.body.json()) as { keys: Record<string, unknown>[] }
    assert.equal(new Set(jwks.keys.map(({ kid }) => kid)).size, jwks.keys.length)
    for (const key of jwks.keys) {
      assert.equal(typeof key['kid'], 'string')
      for (const secret of ['d', 'p', 'q', 'k']) assert.equal(secret in key, false, secret)
    }
    assert.ok(jwks.keys.some(({ kty, use }) => kty === 'RSA' && use === 'sig'))
  })
})
