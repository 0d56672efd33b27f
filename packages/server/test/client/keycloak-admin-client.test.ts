import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import KeycloakAdminClient from '@keycloak/keycloak-admin-client'
import { adminEnvironment } from '../support/administrator.ts'
import { testSecret } from '../support/realm-export.ts'
import { type Receiver, startReceiver } from '../support/receiver.ts'
import type { WholeServer } from '../support/whole-server.ts'
import { startClientServer } from './client-server.ts'

const { KC_BOOTSTRAP_ADMIN_USERNAME: adminName, KC_BOOTSTRAP_ADMIN_PASSWORD: adminPassword } =
  adminEnvironment

describe('@keycloak/keycloak-admin-client 26.7.4, as its authors publish it', () => {
  let receiver: Receiver
  let world: WholeServer
  let admin: KeycloakAdminClient
  before(async () => {
    receiver = await startReceiver()
    world = await startClientServer([
      { clientId: 'wiki', backchannelUrl: receiver.urlOf('wiki') },
      { clientId: 'robot', serviceAccount: true },
    ])
    admin = new KeycloakAdminClient({ baseUrl: world.url, realmName: 'master' })
    await admin.auth({
      grantType: 'password',
      clientId: 'admin-cli',
      username: adminName,
      password: adminPassword,
    })
    admin.setConfig({ realmName: 'test' })
  })
  after(async () => {
    await world?.[Symbol.asyncDispose]()
    await receiver?.[Symbol.asyncDispose]()
  })

  const idOf = async (username: string): Promise<string> => {
    const [account] = await admin.users.find({ username, exact: true })
    return account?.id ?? assert.fail(`${username} is there`)
  }
  const clientUid = async (clientId: string): Promise<string> => {
    const [client] = await admin.clients.find({ clientId })
    return client?.id ?? assert.fail(`${clientId} is there`)
  }

  test('finds one person by exact name, and nobody by a part of it (KK-31)', async () => {
    assert.deepEqual(
      (await admin.users.find({ username: 'alice', exact: true })).map(({ email }) => email),
      ['alice@example.org'],
    )
    assert.deepEqual(await admin.users.find({ username: 'ali', exact: true }), [])
    assert.equal((await admin.users.findOne({ id: await idOf('bob') }))?.username, 'bob')
    assert.equal(await admin.users.count({ username: 'alice' }), 1)
  })

  test('takes somebody who is not there for null (KK-34)', async () => {
    assert.equal(await admin.users.findOne({ id: '00000000-0000-4000-8000-000000000000' }), null)
  })

  test('lists the sessions of a person and signs them out everywhere; the application is told (KK-36)', async () => {
    await admin.realms.logoutAll({ realm: 'test' })
    const id = await idOf('alice')
    const tokens = await world.rp('wiki').signIn(world.browser())
    const [session] = await admin.users.listSessions({ id })
    assert.equal(session?.username, 'alice')
    assert.deepEqual(Object.values(session?.clients ?? {}), ['wiki'])
    const uid = await clientUid('wiki')
    assert.equal((await admin.clients.listSessions({ id: uid })).length, 1)
    assert.deepEqual(await admin.clients.getSessionCount({ id: uid }), { count: 1 })
    await admin.users.logout({ id })
    assert.deepEqual(await admin.users.listSessions({ id }), [])
    await receiver.until(1, { sids: [tokens.session_state] })
    const refused = await world.rp('wiki').refresh(tokens.refresh_token)
    assert.equal(refused.body.error_description, 'Session not active')
  })

  test('removes one session of two (KK-36)', async () => {
    const id = await idOf('bob')
    const first = await world.rp('wiki').signIn(world.browser(), 'bob')
    const second = await world.rp('wiki').signIn(world.browser(), 'bob')
    const [one] = await admin.users.listSessions({ id })
    await admin.realms.removeSession({ realm: 'test', sessionId: one?.id ?? '' })
    assert.equal((await admin.users.listSessions({ id })).length, 1)
    const statuses = await Promise.all(
      [first, second].map(async (tokens) => (await world.rp('wiki').refresh(tokens.refresh_token)).status),
    )
    assert.deepEqual(statuses.toSorted(), [200, 400])
    await admin.realms.logoutAll({ realm: 'test' })
    assert.deepEqual(await admin.users.listSessions({ id }), [])
  })

  test('reads the events, by type, and their settings (KK-31, KK-36)', async () => {
    await world.rp('wiki').signIn(world.browser())
    const events = await admin.realms.findEvents({ realm: 'test', type: ['LOGIN', 'CODE_TO_TOKEN'] })
    assert.deepEqual([...new Set(events.map(({ type }) => type))].toSorted(), ['CODE_TO_TOKEN', 'LOGIN'])
    assert.equal(events[0]?.clientId, 'wiki')
    assert.ok(Array.isArray(await admin.realms.findAdminEvents({ realm: 'test' })))
    assert.equal((await admin.realms.getConfigEvents({ realm: 'test' })).eventsEnabled, true)
    const { keys } = await admin.realms.getKeys({ realm: 'test' })
    assert.ok(keys?.some(({ algorithm, publicKey }) => algorithm === 'RS256' && publicKey))
  })

  test('creates a person, changes, and deletes it; its sessions end with it (KK-32, KK-36)', async () => {
    const { id } = await admin.users.create({ username: 'carol', enabled: true, email: 'carol@example.org' })
    await admin.users.resetPassword({
      id,
      credential: { type: 'password', value: 'correct horse battery staple', temporary: false },
    })
    const { session_state } = await world.rp('wiki').signIn(world.browser(), 'carol')
    await admin.users.update({ id }, { firstName: 'Carol' })
    assert.equal((await admin.users.findOne({ id }))?.firstName, 'Carol')
    await admin.users.del({ id })
    assert.equal(await admin.users.findOne({ id }), null)
    await receiver.until(1, { sids: [session_state] })
  })

  test('throws an error with our words (KK-33)', async () => {
    await assert.rejects(admin.users.create({ username: 'alice', enabled: true }), (error: Error) => {
      assert.match(error.message, /exists/i)
      return true
    })
  })

  test('asks who it is and what this server is (KK-36)', async () => {
    const who = await admin.whoAmI.find({ realm: 'master', currentRealm: 'master' })
    assert.equal(who.displayName, adminName)
    assert.ok((await admin.serverInfo.find()).systemInfo?.serverTime)
  })

  test('a secret in the form and in the header at once is one secret; a refresh passes too (KK-05, KK-30)', async () => {
    const robot = new KeycloakAdminClient({ baseUrl: world.url, realmName: 'test' })
    await robot.auth({ grantType: 'client_credentials', clientId: 'robot', clientSecret: testSecret })
    assert.ok(robot.accessToken)
    await assert.rejects(robot.users.find(), 'a robot without a role of the realm may not read people')
    const again = new KeycloakAdminClient({ baseUrl: world.url, realmName: 'master' })
    await again.auth({
      grantType: 'refresh_token',
      clientId: 'admin-cli',
      refreshToken: admin.refreshToken ?? '',
    })
    again.setConfig({ realmName: 'test' })
    assert.equal(await again.users.count(), await admin.users.count())
  })
})
