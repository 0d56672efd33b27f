/** Contract: what the engine prepared is committed first and answered second (engine.md §8). */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemAmbient } from '../../src/ambient/ambient.ts'
import { CurfewError } from '../../src/errors.ts'
import { signOut } from '../../src/sign-out/sign-out.ts'
import type { Store } from '../../src/store/store.ts'
import { forEachDatabase } from '../support/database.ts'
import { createGates } from '../support/gates.ts'
import { type OpHost, startOpHost } from '../support/op-host.ts'

async function onlySession(store: Store): Promise<string> {
  const { uid } = await store.read.db.selectFrom('session').select('uid').executeTakeFirstOrThrow()
  return uid
}

async function endSession(host: OpHost, store: Store): Promise<void> {
  const result = await signOut(host.deps, {
    realmId: host.realm().id,
    scope: { kind: 'session', sessionUid: await onlySession(store) },
    kind: 'ordinary',
    cause: 'administrator',
    initiator: 'admin',
    actor: {},
  })
  assert.ok(result.ok)
}

forEachDatabase('a response of the engine', (database) => {
  test('a response that lost its commit carries no cookie and no code', async () => {
    const gates = createGates()
    const ambient = systemAmbient({ gate: gates.gate })
    await using store = await database.open(ambient)
    await using host = await startOpHost({ store, ambient })
    const browser = host.browser()
    await host.rp('wiki').signIn(browser)
    const held = gates.hold('authorize.beforeCommit')
    const asking = browser.get(host.rp('wiki').authorizationUrl({ prompt: 'none' }))
    await held.reached
    await endSession(host, store)
    held.release()
    const answer = await asking
    assert.equal(answer.headers['set-cookie'], undefined)
    const location = new URL(answer.location as string)
    assert.equal(location.searchParams.get('error'), 'login_required')
    assert.equal(location.searchParams.get('code'), null)
    assert.equal(location.searchParams.get('iss'), host.realm().issuer)
    assert.ok(location.searchParams.get('state'))
  })

  test('a replayed code answers 400, and the revocation of its family is committed', async () => {
    await using store = await database.open()
    await using host = await startOpHost({ store })
    const browser = host.browser()
    const wiki = host.rp('wiki')
    await host.rp('chat').signIn(browser)
    const page = await browser.get(wiki.authorizationUrl())
    const first = await wiki.exchange(page.location as string)
    assert.equal(first.status, 200)
    const replay = await wiki.exchange(page.location as string)
    assert.equal(replay.status, 400)
    assert.equal(replay.body.error, 'invalid_grant')
    assert.equal(replay.body.error_description, 'Code not valid')
    const refreshed = await wiki.refresh(first.body.refresh_token as string)
    assert.equal(refreshed.status, 400)
    const row = await store.read.db
      .selectFrom('client_session')
      .select(['ended_at', 'revoked_at'])
      .where('client_id', '=', 'wiki')
      .executeTakeFirstOrThrow()
    assert.equal(row.ended_at, null, 'the application stays in the session, so it is still told')
    assert.notEqual(row.revoked_at, null)
    const again = await wiki.signIn(browser)
    assert.equal(again.session_state, first.body.session_state)
  })

  test('a refresh that would write nothing is refused when the session ended meanwhile', async () => {
    const gates = createGates()
    const ambient = systemAmbient({ gate: gates.gate })
    await using store = await database.open(ambient)
    await using host = await startOpHost({ store, ambient })
    const wiki = host.rp('wiki')
    const tokens = await wiki.signIn(host.browser())
    const held = gates.hold('refresh.beforeCommit')
    const refreshing = wiki.refresh(tokens.refresh_token)
    await held.reached
    await endSession(host, store)
    held.release()
    const answer = await refreshing
    assert.equal(answer.status, 400)
    assert.deepEqual(answer.body, { error: 'invalid_grant', error_description: 'Session not active' })
  })

  test('a refresh that would write nothing is refused when its token was revoked meanwhile', async () => {
    const gates = createGates()
    const ambient = systemAmbient({ gate: gates.gate })
    await using store = await database.open(ambient)
    await using host = await startOpHost({ store, ambient })
    const wiki = host.rp('wiki')
    const tokens = await wiki.signIn(host.browser())
    const held = gates.hold('refresh.beforeCommit')
    const refreshing = wiki.refresh(tokens.refresh_token)
    await held.reached
    await store.transact(async (tx) => {
      await tx.db.deleteFrom('artifact').where('kind', '=', 'RefreshToken').execute()
    })
    held.release()
    assert.equal((await refreshing).status, 400)
  })

  test('a database that is away answers 503 with Retry-After, and nothing that was prepared leaves', async () => {
    await using store = await database.open()
    let isAway = false
    const flaky: Store = Object.assign(Object.create(store), {
      transact: (work: Parameters<Store['transact']>[0]) =>
        isAway ? Promise.reject(new CurfewError('CURFEW_STORE_UNAVAILABLE', 'away')) : store.transact(work),
    })
    await using host = await startOpHost({ store: flaky })
    const wiki = host.rp('wiki')
    const browser = host.browser()
    const tokens = await wiki.signIn(browser)
    isAway = true
    const refreshed = await wiki.refresh(tokens.refresh_token)
    assert.equal(refreshed.status, 503)
    assert.equal(refreshed.body.error, 'temporarily_unavailable')
    assert.equal(refreshed.body.access_token, undefined)
    const page = await browser.get(wiki.authorizationUrl())
    assert.equal(page.status, 503)
    assert.equal(page.headers['retry-after'], '5')
    assert.equal(page.location, undefined)
    assert.match(page.text, /error: unavailable/)
  })

  test('a session that nobody used for a minute is touched, and not more often', async () => {
    let now = Date.now()
    const ambient = systemAmbient({ clock: { now: () => now } })
    await using store = await database.open(ambient)
    await using host = await startOpHost({ store, ambient })
    const wiki = host.rp('wiki')
    const browser = host.browser()
    const tokens = await wiki.signIn(browser)
    const lastActive = async (): Promise<number> => {
      const row = await store.read.db.selectFrom('session').select('last_active_at').executeTakeFirstOrThrow()
      return row.last_active_at
    }
    const begun = await lastActive()
    now += 59_000
    await wiki.refresh(tokens.refresh_token)
    await browser.get(wiki.authorizationUrl())
    assert.equal(await lastActive(), begun)
    now += 1_000
    await wiki.refresh(tokens.refresh_token)
    assert.equal(await lastActive(), begun + 60_000)
  })

  test('nothing that opens something is stored in clear', async () => {
    await using store = await database.open()
    await using host = await startOpHost({ store })
    const browser = host.browser()
    const wiki = host.rp('wiki')
    const page = await browser.get(wiki.authorizationUrl())
    const signedIn = await browser.submit(await browser.follow(page, host.origin), { username: 'alice' })
    const back = await browser.follow(signedIn, host.origin)
    const code = new URL(back.location as string).searchParams.get('code') as string
    const tokens = await wiki.exchange(back.location as string)
    const cookies = [...browser.cookies.values()]
    const artifacts = await store.read.db.selectFrom('artifact').selectAll().execute()
    const sessions = await store.read.db.selectFrom('session').selectAll().execute()
    const stored = JSON.stringify([artifacts, sessions])
    for (const secret of [code, ...cookies, tokens.body.refresh_token, tokens.body.access_token]) {
      assert.ok(secret && !stored.includes(secret))
    }
  })
})
