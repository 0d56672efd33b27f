/** Contract: applications in a session (engine.md §6). */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decodeJwt } from 'jose'
import { systemAmbient } from '../../src/ambient/ambient.ts'
import type { Store } from '../../src/store/store.ts'
import { forEachDatabase } from '../support/database.ts'
import { createGates } from '../support/gates.ts'
import { startOpHost } from '../support/op-host.ts'

async function clientSessions(store: Store): Promise<readonly { client_id: string; sid: string }[]> {
  return store.read.db
    .selectFrom('client_session')
    .select(['client_id', 'sid'])
    .orderBy('client_id')
    .execute()
}

forEachDatabase('applications in one session of the engine', (database) => {
  test('a sid is drawn per client and reaches ID, access and refresh token of a client without a back-channel address (KK-10)', async () => {
    await using store = await database.open()
    await using host = await startOpHost({ store })
    const browser = host.browser()
    const wiki = await host.rp('wiki').signIn(browser)
    const chat = await host.rp('chat').signIn(browser)
    const sid = decodeJwt(wiki.id_token)['sid']
    assert.equal(decodeJwt(wiki.access_token)['sid'], sid)
    assert.equal(decodeJwt(wiki.refresh_token)['sid'], sid)
    assert.notEqual(decodeJwt(chat.id_token)['sid'], sid)
    const again = await host.rp('wiki').signIn(browser)
    assert.equal(decodeJwt(again.id_token)['sid'], sid)
    assert.deepEqual(
      (await clientSessions(store)).map((row) => row.client_id),
      ['chat', 'wiki'],
    )
  })

  test('an application whose first request in a session was for an offline grant gets ordinary tokens later (SR-06)', async () => {
    await using store = await database.open()
    const scopes = { optionalClientScopes: ['offline_access'] }
    await using host = await startOpHost({ store, clients: [{ clientId: 'wiki', ...scopes }] })
    const browser = host.browser()
    const wiki = host.rp('wiki')
    const offline = await wiki.signIn(browser, 'alice', { scope: 'openid offline_access' })
    const online = await wiki.signIn(browser)
    const typOf = (token: string): unknown => decodeJwt(token)['typ']
    assert.deepEqual([typOf(offline.refresh_token), typOf(online.refresh_token)], ['Offline', 'Refresh'])
    assert.equal((await wiki.refresh(online.refresh_token)).status, 200)
  })

  test('two authorizations for two applications at once keep both client sessions', async () => {
    const gates = createGates()
    const ambient = systemAmbient({ gate: gates.gate })
    await using store = await database.open(ambient)
    await using host = await startOpHost({
      store,
      ambient,
      clients: [{ clientId: 'wiki' }, { clientId: 'chat' }, { clientId: 'files' }],
    })
    const browser = host.browser()
    await host.rp('files').signIn(browser)
    const first = gates.hold('authorize.beforeCommit')
    const second = gates.hold('authorize.beforeCommit')
    const wiki = browser.get(host.rp('wiki').authorizationUrl())
    await first.reached
    const chat = browser.get(host.rp('chat').authorizationUrl())
    await second.reached
    second.release()
    await chat
    first.release()
    await wiki
    assert.deepEqual(
      (await clientSessions(store)).map((row) => row.client_id),
      ['chat', 'files', 'wiki'],
    )
  })

  test("two authorizations for one application at once make one row, and the loser runs again with the winner's sid", async () => {
    const gates = createGates()
    const ambient = systemAmbient({ gate: gates.gate })
    await using store = await database.open(ambient)
    await using host = await startOpHost({ store, ambient })
    const browser = host.browser()
    const wiki = host.rp('wiki')
    await host.rp('chat').signIn(browser)
    const held = gates.hold('authorize.beforeCommit')
    const losing = browser.get(wiki.authorizationUrl())
    await held.reached
    const winner = await browser.get(wiki.authorizationUrl())
    held.release()
    const loser = await losing
    assert.equal(loser.status, 303)
    assert.ok(loser.location?.startsWith(`${host.realm().issuer}/protocol/openid-connect/auth?`))
    assert.equal(loser.headers['set-cookie'], undefined)
    const secondRun = await browser.get(loser.location as string)
    const tokens = await wiki.exchange(secondRun.location as string)
    const first = await wiki.exchange(winner.location as string)
    assert.equal(tokens.status, 200, JSON.stringify(tokens.body))
    assert.equal(tokens.body.session_state, first.body.session_state)
    const rows = await clientSessions(store)
    assert.equal(rows.filter((row) => row.client_id === 'wiki').length, 1)
  })

  test('an application whose own time in the session is over is told and gets another sid (KW-23)', async () => {
    await using store = await database.open()
    await using host = await startOpHost({ store })
    const browser = host.browser()
    const before = await host.rp('wiki').signIn(browser)
    await store.transact(async (tx) => {
      await tx.db
        .updateTable('client_session')
        .set({ expires_at: 1 })
        .where('client_id', '=', 'wiki')
        .execute()
    })
    const refused = await host.rp('wiki').refresh(before.refresh_token)
    assert.equal(refused.status, 400)
    assert.equal(refused.body.error_description, 'Session not active')
    const after = await host.rp('wiki').signIn(browser)
    assert.notEqual(after.session_state, before.session_state)
    const signOuts = await store.read.db.selectFrom('sign_out').select(['scope', 'cause']).execute()
    assert.deepEqual(
      signOuts.map((row) => [row.scope, row.cause]),
      [['application', 'session_idle']],
    )
  })
})
