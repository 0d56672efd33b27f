import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import { type RawBuilder, sql } from 'kysely'
import type { Store } from '../../src/store/store.ts'
import { type Administrator, adminEnvironment, signInAsAdministrator } from '../support/administrator.ts'
import { forEachDatabase } from '../support/database.ts'
import { type Receiver, startReceiver } from '../support/receiver.ts'
import type { Tokens } from '../support/relying-party.ts'
import type { Page, UserAgent } from '../support/user-agent.ts'
import { startWholeServer, type WholeServer } from '../support/whole-server.ts'

const applications = ['wiki', 'chat', 'files', 'crm']
/** A channel of the newer version, with an endpoint of its own. */
const byPigeon = {
  channel: 'pigeon',
  endpoint_id: sql`replace(endpoint_id, 'oidc-back-channel', 'pigeon')`,
}
/** Three looks of the sweep. */
const looksMs = 3500

forEachDatabase('R25: what a newer version has written, while both work on one schema', (database) => {
  let receiver: Receiver
  let world: WholeServer
  let root: Administrator
  before(async () => {
    receiver = await startReceiver()
    const clients = applications.map((clientId) => ({ clientId, backchannelUrl: receiver.urlOf(clientId) }))
    world = await startWholeServer(database, { clients }, adminEnvironment)
    root = await signInAsAdministrator(world.url)
    await dropChecks(world.server.store)
  })
  after(async () => {
    await world?.[Symbol.asyncDispose]()
    await receiver?.[Symbol.asyncDispose]()
  })

  test('a state is never taken for a yes, and a channel of its own is not touched: no try, no verdict, no loop', async () => {
    const { store } = world.server
    const { agent, answer, sids, signOutId } = await signOut(applications)
    await receiver.until(applications.length, { sids })
    // chat: an end that this version does not know; files: neither waiting nor ended; wiki asked for the sign-out
    await change(store, signOutId, 'wiki', { state: 'handed_over' })
    await change(store, signOutId, 'chat', { state: 'handed_over' })
    await change(store, signOutId, 'files', { state: 'on_hold', settled_at: null })
    await change(store, signOutId, 'crm', {
      state: 'pending',
      settled_at: null,
      ...byPigeon,
    })
    const before = await rowsOf(store, signOutId)
    await wait(looksMs)

    assert.deepEqual(await rowsOf(store, signOutId), before, 'nobody has touched the rows')
    assert.equal(receiver.received.filter(({ claims }) => sids.includes(String(claims['sid']))).length, 4)
    assert.deepEqual(await wordsOf(agent, answer), {
      chat: 'could_not',
      crm: 'not_yet',
      files: 'signing_out',
      wiki: 'could_not',
    })
    assert.match((await agent.get(answer.location ?? '')).text, /<h1[^>]*>Signed out of 0 of 4 applications</)
    const { body } = await root.get(`test/sign-outs/${signOutId}`)
    assert.deepEqual(body.deliveries, { handed_over: 2, on_hold: 1, pending: 1 })
    const { body: list } = await root.get('test/sign-outs')
    assert.equal(list.signOuts[0].id, signOutId)
    const metrics = await (await fetch(`${world.url}/metrics`)).text()
    assert.match(metrics, /^curfew_deliveries_pending\{[^}]*application="crm"[^}]*\} 1$/m)
    assert.match(metrics, /^curfew_deliveries_pending\{[^}]*application="files"[^}]*\} 0$/m)
  })

  test('a channel that nobody here can carry ends at its horizon as what it is: never tried', async () => {
    const { store } = world.server
    const { agent, answer, signOutId, sids } = await signOut(['crm'])
    await receiver.until(1, { sids })
    const late = world.server.ambient.clock.now() - 60_000
    await change(store, signOutId, 'crm', {
      state: 'pending',
      settled_at: null,
      ...byPigeon,
      had_connection: 0,
      horizon_at: late,
    })
    const deadline = performance.now() + 15_000
    while ((await rowsOf(store, signOutId))[0]?.['state'] === 'pending' && performance.now() < deadline)
      await wait(100)
    assert.equal((await rowsOf(store, signOutId))[0]?.['state'], 'unreachable')
    assert.deepEqual(await wordsOf(agent, answer), { crm: 'could_not' })
  })

  test('a session in a state that is not known opens no door, and a cause that is not known is left out of the sentence', async () => {
    const { store } = world.server
    const browser = world.browser()
    const wiki = world.rp('wiki')
    const tokens = await wiki.signIn(browser)
    const other = await wiki.signIn(world.browser())
    await store.transact(async (tx) => {
      const uid = sql`(select session_uid from client_session where sid = ${tokens.session_state})`
      await sql`update session set state = 'frozen' where uid = ${uid}`.execute(tx.db)
    })
    assert.equal((await wiki.refresh(tokens.refresh_token)).body.error, 'invalid_grant')
    const asked = await wiki.post('token/introspect', { token: tokens.access_token })
    assert.deepEqual(asked.body, { active: false })
    const silent = await browser.get(wiki.authorizationUrl({ prompt: 'none' }))
    assert.match(silent.location ?? '', /error=login_required/)

    assert.equal((await wiki.post('logout', { refresh_token: other.refresh_token })).status, 204)
    await store.transact(async (tx) => {
      const uid = sql`(select session_uid from client_session where sid = ${other.session_state})`
      await sql`update sign_out set cause = 'full_moon' where session_uid = ${uid}`.execute(tx.db)
    })
    assert.equal((await wiki.refresh(other.refresh_token)).body.error, 'invalid_grant')
    const { explanation } = world.errors().at(-1) ?? {}
    assert.match(explanation ?? '', /a session that ended at \d\d:\d\d\. /)
  })

  async function signOut(clientIds: readonly string[]) {
    const agent = world.browser()
    const members: Tokens[] = []
    for (const clientId of clientIds) members.push(await world.rp(clientId).signIn(agent))
    world.pass(2000)
    const [first] = clientIds
    const hint = members[0]?.id_token ?? ''
    const answer = await agent.get(world.rp(first ?? '').logoutUrl({ id_token_hint: hint }))
    const signOutId = answer.location?.split('/').at(-1) ?? ''
    return { agent, answer, signOutId, sids: members.map((tokens) => tokens.session_state) }
  }

  async function wordsOf(agent: UserAgent, { location }: Page): Promise<Record<string, string>> {
    const { applications: shown } = JSON.parse((await agent.get(`${location}/status`)).text)
    return Object.fromEntries(shown.map((one: { name: string; state: string }) => [one.name, one.state]))
  }
})

/** As the newer version's own migration would have done: its states are not those that this schema lets in. */
async function dropChecks(store: Store): Promise<void> {
  await store.transact(async (tx) => {
    if (tx.dialect === 'sqlite') {
      await sql`pragma ignore_check_constraints = 1`.execute(tx.db)
      return
    }
    const { rows } = await sql<{ table: string; name: string }>`
      select conrelid::regclass::text as table, conname as name from pg_constraint
      where contype = 'c' and conrelid in ('delivery'::regclass, 'session'::regclass)`.execute(tx.db)
    for (const { table, name } of rows)
      await sql`alter table ${sql.ref(table)} drop constraint ${sql.ref(name)}`.execute(tx.db)
  })
}

async function change(
  store: Store,
  signOutId: string,
  clientId: string,
  set: Readonly<Record<string, string | number | null | RawBuilder<unknown>>>,
): Promise<void> {
  const columns = Object.entries(set).map(([name, value]) => sql`${sql.ref(name)} = ${value}`)
  await store.transact((tx) =>
    sql`update delivery set ${sql.join(columns)} where sign_out_id = ${signOutId} and client_id = ${clientId}`.execute(
      tx.db,
    ),
  )
}

async function rowsOf(store: Store, signOutId: string): Promise<readonly Record<string, unknown>[]> {
  const { rows } = await sql<Record<string, unknown>>`
    select * from delivery where sign_out_id = ${signOutId} order by client_id`.execute(store.read.db)
  return rows
}
