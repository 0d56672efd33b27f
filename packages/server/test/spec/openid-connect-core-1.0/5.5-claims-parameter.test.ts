import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { decodeJwt } from 'jose'
import { requestedClaims } from '../../../src/op/requested-claims.ts'
import { basicOp } from '../../support/basic-op.ts'
import { forEachDatabase } from '../../support/database.ts'
import { someClient } from '../../support/realm-in-memory.ts'
import { startWholeServer, type WholeServer } from '../../support/whole-server.ts'

forEachDatabase('OpenID Connect Core 1.0 §5.5: claims that are asked for one by one', (database) => {
  let world: WholeServer
  before(async () => {
    const client = (clientId: string, optionalClientScopes: readonly string[]) => ({
      clientId,
      representation: { defaultClientScopes: ['basic', 'acr'], optionalClientScopes },
    })
    world = await startWholeServer(database, {
      clients: [client('reader', ['profile', 'email']), client('mailer', ['email'])],
    })
  })
  after(() => world?.[Symbol.asyncDispose]())

  const flow = (clientId: string, claims: object) =>
    basicOp(world, clientId, `https://${clientId}.example/callback`).flow({ claims: JSON.stringify(claims) })
  const userinfo = (token: string) => basicOp(world, 'reader', '').userinfo(token)

  test('each member brings its claims to its own place', async () => {
    const { idToken, accessToken } = await flow('reader', {
      id_token: { given_name: null },
      userinfo: { email: { essential: true }, email_verified: null },
    })
    assert.equal(idToken['given_name'], 'alice')
    assert.equal(idToken['email'], undefined)
    const said = await userinfo(accessToken)
    assert.deepEqual(
      [said['email'], said['email_verified'], said['given_name']],
      ['alice@example.org', true, undefined],
    )
  })

  test('an application gets no claim that none of its client scopes would give it', async () => {
    const { idToken, accessToken } = await flow('mailer', {
      id_token: { name: null },
      userinfo: { name: { essential: true }, email: null },
    })
    assert.equal(idToken['name'], undefined)
    const said = await userinfo(accessToken)
    assert.deepEqual([said['name'], said['email']], [undefined, 'alice@example.org'])
  })

  test('names that are not standard claims, or say something of the sign-in, are left alone', async () => {
    const { accessToken, idToken } = await flow('reader', {
      userinfo: { realm_access: null, sid: null, sub: null, ['__proto__']: null, constructor: null },
    })
    assert.equal(decodeJwt(accessToken)['userinfo_claims'], undefined)
    const said = await userinfo(accessToken)
    assert.equal(said['sub'], idToken.sub)
    assert.equal(said['sid'], undefined)
  })

  test('an application that needs consent gets none: the person agreed to scopes alone', () => {
    const wanted = { name: null }
    assert.deepEqual(requestedClaims(someClient({ clientId: 'careful', consentRequired: true }), wanted), [])
    assert.deepEqual(requestedClaims(someClient({ clientId: 'reader' }), wanted), ['name'])
  })
})
