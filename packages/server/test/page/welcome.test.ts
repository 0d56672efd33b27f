import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { request } from 'undici'
import { insertAccount } from '../../src/account/change-account.ts'
import { issueSetupTicket } from '../../src/realm/setup-ticket.ts'
import { forEachDatabase } from '../support/database.ts'
import { startWholeServer, type WholeServer } from '../support/whole-server.ts'

/** Somebody of realm master who administers nothing. */
const nobody = {
  id: '00000000-0000-4000-8000-000000000001',
  email: undefined,
  emailVerified: false,
  firstName: undefined,
  lastName: undefined,
  enabled: true,
  attributes: {},
  notBefore: 0,
  serviceAccountClientUuid: undefined,
  createdAt: 0,
  representation: {},
}
const secret = 'One short sentence.'

forEachDatabase('the bare address of the server', (database) => {
  let world: WholeServer
  before(async () => {
    world = await startWholeServer(database, { clients: [], realm: 'payroll' })
  })
  after(() => world?.[Symbol.asyncDispose]())

  test('leads to the setup page while nobody administers master, then through it to a page that names no realm but master', async () => {
    const agent = world.browser()
    const first = await agent.follow(await agent.get(`${world.url}/`), world.url)
    assert.equal(first.url, `${world.url}/setup`)
    const { store, ambient, realms } = world.server
    const master = await realms.byName('master')
    const ticket = await store.transact((tx) => issueSetupTicket(tx, ambient.random, ambient.clock.now()))
    const form = await agent.follow(await agent.submit(first, { ticket }), world.url)
    await store.transact((tx) =>
      insertAccount(tx, { ...nobody, realmId: master?.id ?? '', username: 'taken' }),
    )
    const taken = await agent.submit(form, { username: 'taken', password: secret })
    assert.equal(taken.status, 400)
    assert.match(taken.text, /Somebody has this username already/)
    const answers = { username: 'root', email: 'root@example.org', organisation: 'Harbour & Sons' }
    const made = await agent.submit(taken, { ...answers, password: secret })
    assert.equal(made.status, 200)
    assert.match(made.text, /<a class="button primary full" href="\/">/)

    assert.equal((await agent.get(`${world.url}/setup`)).location, `${world.url}/`)
    const welcome = await agent.get(`${world.url}/`)
    assert.equal(welcome.status, 200)
    assert.match(welcome.text, /<h1>This is a sign-in server<\/h1>/)
    assert.match(welcome.text, /<header>.*Harbour &amp; Sons/, 'the name that was given')
    const root = await store.read.db
      .selectFrom('account')
      .select('email')
      .where('username', '=', 'root')
      .executeTakeFirst()
    assert.equal(root?.email, 'root@example.org')
    assert.ok(welcome.text.includes(`<code dir="ltr">${world.url}</code>`))
    assert.doesNotMatch(welcome.text, /payroll|root/)
    const [, discovery = ''] = /href="([^"]+openid-configuration)"/.exec(welcome.text) ?? []
    assert.equal((await agent.get(discovery)).status, 200)
  })

  test('the setup page does no work for whoever has no ticket, and takes no password that could never match', async () => {
    const agent = world.browser()
    const account = { username: 'evil', password: secret }
    const flood = Array.from({ length: 150 }, () => agent.post(`${world.url}/setup/none`, account))
    const statuses = new Set((await Promise.all(flood)).map((page) => page.status))
    assert.deepEqual([...statuses], [400], 'a hash for each would fill the pool and answer 503')
    const { store, ambient } = world.server
    const ticket = await store.transact((tx) => issueSetupTicket(tx, ambient.random, ambient.clock.now()))
    const long = { username: 'evil', password: secret.repeat(100) }
    assert.equal((await agent.post(`${world.url}/setup/${ticket}`, long)).status, 400)
    assert.equal((await agent.get(`${world.url}/setup/${ticket}`)).status, 200, 'the ticket is still good')
  })

  test('a browser that came by another name than localhost is told the address and the setting; a program is answered (experience.md §4.1)', async () => {
    const ask = async (path: string, headers: Record<string, string>) => {
      const { statusCode, body } = await request(world.url + path, { headers })
      return { status: statusCode, text: await body.text() }
    }
    const page = { accept: 'text/html', host: '192.0.2.7:8080' }
    for (const path of ['/', '/realms/payroll/protocol/openid-connect/auth?client_id=x']) {
      const told = await ask(path, page)
      assert.equal(told.status, 421)
      assert.match(told.text, /This server has another address/)
      assert.ok(told.text.includes(`<code dir="ltr">${world.url}</code>`))
    }
    const discovery = '/realms/payroll/.well-known/openid-configuration'
    assert.equal((await ask(discovery, { host: page.host })).status, 200)
    assert.notEqual((await ask('/', { ...page, host: '127.0.0.1:8080' })).status, 421)
  })

  test('pages outside realms cut the ties to a window that opened them; those of a realm may be in a popup', async () => {
    const agent = world.browser()
    const policyOf = async (path: string) =>
      (await agent.get(world.url + path)).headers['cross-origin-opener-policy']
    for (const path of ['/', '/setup', '/accessibility', '/admin/realms'])
      assert.equal(await policyOf(path), 'same-origin', path)
    for (const path of ['/auth', '/logout'])
      assert.equal(await policyOf(`/realms/payroll/protocol/openid-connect${path}`), undefined, path)
  })
})
