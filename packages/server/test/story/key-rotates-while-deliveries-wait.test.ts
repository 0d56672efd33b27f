/** New signing keys come while applications are told: every token verifies against a key set that is ten minutes old. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createLocalJWKSet, type JSONWebKeySet, jwtVerify } from 'jose'
import { systemRandom } from '../../src/ambient/random.ts'
import { generateKey, insertKey, keyPublishLeadMs } from '../../src/key/key.ts'
import { serverSecret } from '../../src/key/seal.ts'
import { changeRealm } from '../../src/realm/change-realm.ts'
import { forEachDatabase } from '../support/database.ts'
import { type ReceivedToken, startReceiver } from '../support/receiver.ts'
import { startWholeServer, type WholeServer } from '../support/whole-server.ts'

/** As whole-server.ts starts it. */
const secret = serverSecret(Buffer.alloc(32, 9))
const rotationCount = 5

async function rotate({ server }: WholeServer, priority: number): Promise<string> {
  const jwk = await generateKey(systemRandom, 'ES256')
  const at = server.ambient.clock.now()
  const { id: realmId } = await server.store.read.db
    .selectFrom('realm')
    .select('id')
    .where('name', '=', 'test')
    .executeTakeFirstOrThrow()
  const key = { realmId, jwk, status: 'active', priority, usableAt: at + keyPublishLeadMs } as const
  await server.store.transact(async (tx) => {
    await insertKey({ secret, random: systemRandom }, tx, key, at)
    await changeRealm(tx, realmId)
  })
  return jwk.kid as string
}

async function keySet({ issuer }: WholeServer): Promise<JSONWebKeySet> {
  return (await (await fetch(`${issuer}/protocol/openid-connect/certs`)).json()) as JSONWebKeySet
}

async function verifies(token: ReceivedToken | undefined, keys: JSONWebKeySet, now: number): Promise<void> {
  const options = { currentDate: new Date(now), typ: 'logout+jwt' }
  await jwtVerify(token?.raw ?? '', createLocalJWKSet(keys), options)
}

forEachDatabase('a realm whose signing key is replaced', (database) => {
  const clientOf = (url: string) => ({
    clients: [{ clientId: 'wiki', backchannelUrl: url, algorithm: 'ES256' as const }],
  })

  test('R15: a delivery that waits is signed by the old key until the new one has been published for ten minutes, then by the new one', async () => {
    await using receiver = await startReceiver()
    await using world = await startWholeServer(database, clientOf(receiver.urlOf('wiki')))
    receiver.behave('wiki', 503)
    const browser = world.browser()
    const { id_token } = await world.rp('wiki').signIn(browser)
    await browser.get(world.rp('wiki').logoutUrl({ id_token_hint: id_token }))
    const [first] = await receiver.until(1)
    const newKid = await rotate(world, 1000)
    const [, second] = await receiver.until(2)
    assert.equal(second?.header['kid'], first?.header['kid'])
    const published = await keySet(world)
    assert.ok(published.keys.some(({ kid }) => kid === newKid))
    receiver.behave('wiki', 200)
    world.pass(keyPublishLeadMs + 1000)
    const tokens = await receiver.until(3)
    assert.equal(tokens.at(-1)?.header['kid'], newKid)
    await verifies(tokens.at(-1), published, world.server.ambient.clock.now())
    assert.equal(new Set(tokens.map(({ claims }) => claims.jti)).size, tokens.length)
    assert.equal(new Set(tokens.map(({ claims }) => claims['txn'])).size, 1)
    assert.ok((await keySet(world)).keys.some(({ kid }) => kid === first?.header['kid']))
  })

  test(`S-09: over ${rotationCount} rotations no token is met that a key set of ten minutes ago does not verify`, async () => {
    await using receiver = await startReceiver()
    await using world = await startWholeServer(database, clientOf(receiver.urlOf('wiki')))
    const browser = world.browser()
    const told = async (): Promise<ReceivedToken | undefined> => {
      const { id_token, session_state: sid } = await world.rp('wiki').signIn(browser)
      // an application is not told within a second of its sign-in (SR-19)
      world.pass(1500)
      await browser.get(world.rp('wiki').logoutUrl({ id_token_hint: id_token }))
      return (await receiver.until(1, { sids: [sid] }))[0]
    }
    let cached = await keySet(world)
    for (let rotation = 1; rotation <= rotationCount; rotation++) {
      const kid = await rotate(world, 1000 + rotation)
      await verifies(await told(), cached, world.server.ambient.clock.now())
      cached = await keySet(world)
      world.pass(keyPublishLeadMs)
      const token = await told()
      assert.equal(token?.header['kid'], kid)
      await verifies(token, cached, world.server.ambient.clock.now())
    }
  })
})
