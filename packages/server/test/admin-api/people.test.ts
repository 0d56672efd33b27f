import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Store } from '../../src/store/store.ts'
import { type AdminWorld, createAdminWorld, idOf } from '../support/admin-world.ts'
import { forEachDatabase } from '../support/database.ts'
import { givenSession } from '../support/session-fixture.ts'

const alice = idOf('demo', 'alice')

forEachDatabase('people in the admin API', (database) => {
  let store: Store
  let world: AdminWorld
  let root: string
  before(async () => {
    store = await database.open()
    world = await createAdminWorld(store)
    root = await world.tokenFor('master', 'root')
  })
  after(() => world[Symbol.asyncDispose]())

  const realm = '/admin/realms/demo'
  const get = (path: string, token = root) => world.call('GET', path, { token })
  let sessionCount = 0
  async function signedIn(accountId = alice, clientIds = ['wiki', 'chat', 'erp']): Promise<string> {
    sessionCount += 1
    const uid = `s-${sessionCount}`
    await givenSession(store, { uid, realmId: 'demo-id', accountId, clientIds, startedAt: Date.now() })
    return uid
  }

  test('people are found by user name, part of a name and words, in pages (KQ-33)', async () => {
    const names = async (query: string): Promise<string[]> =>
      (await get(`${realm}/users?${query}`)).json.map((user: { username: string }) => user.username)
    assert.deepEqual(await names('username=alice&exact=true'), ['alice'])
    assert.deepEqual(await names('username=ALICE&exact=true'), ['alice'])
    assert.deepEqual(await names('username=alic&exact=true'), [])
    assert.deepEqual(await names('username=lic'), ['alice'])
    assert.deepEqual(await names('search=boss'), ['boss'])
    assert.deepEqual(await names('q=team:blue&username=boss'), ['boss'])
    assert.deepEqual(await names('first=1&max=1'), ['boss'])
    assert.deepEqual(await names('first=100'), [])
    assert.equal((await get(`${realm}/users/count?username=alice&exact=true`)).json, 1)
  })

  test('a person is shown as Keycloak shows one, with members that Curfew does not use (KQ-34)', async () => {
    const { status, json } = await get(`${realm}/users/${alice}`)
    assert.equal(status, 200)
    const { createdTimestamp, access, ...rest } = json
    assert.ok(Number.isInteger(createdTimestamp))
    assert.equal(access.manage, true)
    assert.deepEqual(rest, {
      id: alice,
      username: 'alice',
      firstName: 'ALICE',
      lastName: 'Tester',
      email: 'alice@demo.test',
      emailVerified: true,
      enabled: true,
      attributes: { team: ['blue'] },
      totp: false,
      disableableCredentialTypes: [],
      requiredActions: [],
      somethingKept: 'yes',
      notBefore: 0,
    })
    const brief = await get(`${realm}/users?username=alice&exact=true&briefRepresentation=true`)
    assert.equal(brief.json[0].attributes, undefined)
  })

  test('an unknown person is 404 with the text that clients turn into null (KK-34)', async () => {
    const answer = await get(`${realm}/users/nobody`)
    assert.equal(answer.status, 404)
    assert.equal(answer.json.error, 'User not found')
  })

  test('disabling a person ends every session in the same commit; renaming ends none (KQ-14, KX-09)', async () => {
    const made = await world.call('POST', `${realm}/users`, {
      token: root,
      body: { username: 'Dana', enabled: true, credentials: [{ type: 'password', value: 'correct horse' }] },
    })
    assert.equal(made.status, 201, made.text)
    assert.equal(made.text, '')
    const id = made.headers.get('location')?.split('/').at(-1) ?? ''
    await signedIn(id)
    const put = (body: unknown) => world.call('PUT', `${realm}/users/${id}`, { token: root, body })
    assert.equal(
      (await put({ firstName: 'Dana', attributes: { x: ['1'] }, unheardOf: 5, enabled: null })).status,
      204,
    )
    assert.equal((await get(`${realm}/users/${id}/sessions`)).json.length, 1)
    const disabled = await put({ enabled: false })
    assert.equal(disabled.status, 204)
    assert.match(disabled.headers.get('link') ?? '', /so_/)
    assert.deepEqual((await get(`${realm}/users/${id}/sessions`)).json, [])
    const user = (await get(`${realm}/users/${id}`)).json
    assert.equal(user.enabled, false)
    assert.equal(user.firstName, 'Dana')
    assert.equal(user.unheardOf, 5)
    assert.equal(user.credentials, undefined)
  })

  test('a new password and a deletion end every session (KQ-13, KQ-14, KX-10, KX-13)', async () => {
    const made = await world.call('POST', `${realm}/users`, {
      token: root,
      body: { username: 'erin', enabled: true },
    })
    const id = made.headers.get('location')?.split('/').at(-1) ?? ''
    await signedIn(id)
    const reset = await world.call('PUT', `${realm}/users/${id}/reset-password`, {
      token: root,
      body: { type: 'password', value: 'a new one', temporary: true },
    })
    assert.equal(reset.status, 204, reset.text)
    assert.deepEqual((await get(`${realm}/users/${id}/sessions`)).json, [])
    assert.deepEqual((await get(`${realm}/users/${id}`)).json.requiredActions, ['UPDATE_PASSWORD'])
    const uid = await signedIn(id)
    const removed = await world.call('DELETE', `${realm}/users/${id}`, { token: root })
    assert.equal(removed.status, 204)
    assert.equal((await get(`${realm}/users/${id}`)).status, 404)
    const [part] = (await get(`${realm}/sign-outs?session=${uid}`)).json.signOuts
    assert.equal(part.cause, 'account_deleted')
    assert.deepEqual(part.deliveries, { pending: 2 })
    const trail = JSON.stringify((await get(`${realm}/admin-events?resourceTypes=USER`)).json)
    assert.doesNotMatch(trail, /a new one|correct horse/)
  })

  test('a name that is taken is 409 with errorMessage and message, and a body without a name is 400 (KQ-31, KK-44)', async () => {
    const post = (body: unknown) => world.call('POST', `${realm}/users`, { token: root, body })
    const taken = await post({ username: 'ALICE' })
    assert.equal(taken.status, 409)
    assert.equal(taken.json.errorMessage, 'User exists with same username')
    assert.equal(taken.json.message, taken.json.errorMessage)
    assert.equal((await post({ username: 'alice2', email: 'Alice@demo.test' })).status, 409)
    for (const body of [{}, '', '{"username":', []]) {
      const answer = await post(body)
      assert.equal(answer.status, 400, JSON.stringify(body))
      assert.equal(typeof answer.json.errorMessage, 'string')
    }
  })

  test('two creations of one name at once make one account and one 409', async () => {
    const post = () => world.call('POST', `${realm}/users`, { token: root, body: { username: 'twin' } })
    const statuses = (await Promise.all([post(), post()])).map((answer) => answer.status)
    assert.deepEqual(statuses.sort(), [201, 409])
  })
})
