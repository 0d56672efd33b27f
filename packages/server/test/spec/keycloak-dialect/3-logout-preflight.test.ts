import assert from 'node:assert/strict'
import { test } from 'node:test'
import { request } from 'undici'
import { forEachDatabase } from '../../support/database.ts'
import { startWholeServer } from '../../support/whole-server.ts'

forEachDatabase('keycloak-dialect §3 The sign-out of a script in a browser', (database) => {
  test('KP-09, KR-12: the preflight of the sign-out is answered for origins of clients, and the page stays unreadable', async () => {
    await using world = await startWholeServer(database, { clients: [{ clientId: 'wiki' }] })
    const url = `${world.issuer}/protocol/openid-connect/logout`
    const ask = async (method: 'OPTIONS' | 'GET', origin: string) => {
      const headers = { origin, 'access-control-request-method': 'POST' }
      const { statusCode, headers: answered } = await request(url, { method, headers })
      return [statusCode, answered['access-control-allow-origin'], answered['access-control-allow-methods']]
    }
    const own = 'https://wiki.example'
    assert.deepEqual(await ask('OPTIONS', own), [204, own, 'GET, POST, OPTIONS'])
    assert.deepEqual(await ask('OPTIONS', 'https://evil.example'), [204, undefined, undefined])
    assert.deepEqual(await ask('GET', own), [200, undefined, undefined])
  })
})
