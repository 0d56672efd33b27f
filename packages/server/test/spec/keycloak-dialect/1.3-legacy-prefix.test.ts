import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decodeJwt } from 'jose'
import { request } from 'undici'
import { forEachDatabase } from '../../support/database.ts'
import { relyingParty } from '../../support/relying-party.ts'
import { startWholeServer } from '../../support/whole-server.ts'

forEachDatabase('keycloak-dialect §1.3 The legacy prefix /auth', (database) => {
  test('KP-41, KP-42: a realm whose own address ends in /auth answers there without the option, and no other does', async () => {
    await using world = await startWholeServer(database, { clients: [{ clientId: 'wiki' }] })
    const statusOf = async (path: string) => (await request(`${world.url}${path}`)).statusCode
    assert.equal(await statusOf('/auth/realms/test/.well-known/openid-configuration'), 404)
    await world.reimport({ attributes: { frontendUrl: `${world.url}/auth` } })
    const issuer = `${world.url}/auth/realms/test`
    const wiki = relyingParty({ issuer, clientId: 'wiki' })
    const tokens = await wiki.signIn(world.browser())
    assert.equal(decodeJwt(tokens.id_token).iss, issuer)
    assert.equal((await wiki.post('logout', { refresh_token: tokens.refresh_token })).status, 204)
    assert.equal(await statusOf('/auth/admin/realms/test/users'), 401)
    for (const path of ['/auth/realms/master', '/auth/realms/none', '/auth/admin/serverinfo', '/auth/x'])
      assert.equal(await statusOf(path), 404, path)
    assert.equal(await statusOf('/realms/test'), 200)
  })
})
