/** Tokens and token responses in Keycloak's shape (KK-01 to KK-03), and the lives of refresh tokens. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createLocalJWKSet, decodeJwt, decodeProtectedHeader, jwtVerify } from 'jose'
import { request } from 'undici'
import { systemAmbient } from '../../src/ambient/ambient.ts'
import { signOut } from '../../src/sign-out/sign-out.ts'
import type { Store } from '../../src/store/store.ts'
import { forEachDatabase } from '../support/database.ts'
import { makeKey, type OpHost, startOpHost } from '../support/op-host.ts'

async function endAll(host: OpHost, kind: 'ordinary' | 'security'): Promise<void> {
  await signOut(host.deps, {
    realmId: host.realm().id,
    scope: { kind: 'account', accountId: 'id-test-alice' },
    kind,
    cause: 'administrator',
    initiator: 'admin',
    actor: {},
  })
}

async function refreshTokenRows(store: Store): Promise<number> {
  const rows = await store.read.db
    .selectFrom('artifact')
    .select('id_hash')
    .where('kind', '=', 'RefreshToken')
    .execute()
  return rows.length
}

forEachDatabase('tokens in the dialect of Keycloak', (database) => {
  test('access, refresh and ID token have the shape of KK-01 and are verified by the key set', async () => {
    await using store = await database.open()
    await using host = await startOpHost({ store })
    const realm = host.realm()
    const tokens = await host.rp('wiki').signIn(host.browser())
    const keys = await (await request(`${realm.issuer}/protocol/openid-connect/certs`)).body.json()
    const keySet = createLocalJWKSet(keys as Parameters<typeof createLocalJWKSet>[0])
    const access = await jwtVerify(tokens.access_token, keySet, { issuer: realm.issuer, typ: 'JWT' })
    const { payload } = access
    assert.equal(payload.sub, 'id-test-alice')
    assert.equal(payload['typ'], 'Bearer')
    assert.equal(payload['azp'], 'wiki')
    assert.equal(payload['scope'], 'openid profile email')
    assert.equal(payload['preferred_username'], 'alice')
    assert.equal(payload['email'], 'alice@example.org')
    assert.equal(typeof payload['auth_time'], 'number')
    assert.equal(payload['acr'], '1')
    assert.ok(payload.jti && payload.iat && payload.exp)
    assert.equal(payload.exp - payload.iat, 300)
    const id = await jwtVerify(tokens.id_token, keySet, { issuer: realm.issuer, audience: 'wiki' })
    assert.equal(id.payload['typ'], 'ID')
    assert.equal(id.payload['azp'], 'wiki')
    assert.equal(id.payload['sid'], payload['sid'])
    assert.equal(id.payload['name'], 'alice Example')
    const refresh = decodeJwt(tokens.refresh_token)
    assert.deepEqual(
      [refresh['typ'], refresh['azp'], refresh.iss, refresh.aud, refresh['sid']],
      ['Refresh', 'wiki', realm.issuer, realm.issuer, payload['sid']],
    )
    assert.equal((refresh.exp as number) - (refresh.iat as number), 1800)
  })

  test('the token response and the refresh response have every member of KK-02', async () => {
    await using store = await database.open()
    await using host = await startOpHost({ store })
    const tokens = await host.rp('wiki').signIn(host.browser())
    const refreshed = await host.rp('wiki').refresh(tokens.refresh_token)
    for (const body of [tokens, refreshed.body]) {
      assert.deepEqual(Object.keys(body).sort(), [
        'access_token',
        'expires_in',
        'id_token',
        'not-before-policy',
        'refresh_expires_in',
        'refresh_token',
        'scope',
        'session_state',
        'token_type',
      ])
    }
    assert.equal(refreshed.body.session_state, tokens.session_state)
    assert.equal((tokens as unknown as Record<string, unknown>)['refresh_expires_in'], 1800)
  })

  test('the algorithm of the client decides for ID and access tokens', async () => {
    await using store = await database.open()
    const attributes = {
      'id.token.signed.response.alg': 'ES256',
      'access.token.signed.response.alg': 'ES256',
    }
    await using host = await startOpHost({
      store,
      clients: [{ clientId: 'wiki', attributes }, { clientId: 'chat' }],
    })
    const browser = host.browser()
    const wiki = await host.rp('wiki').signIn(browser)
    assert.equal(decodeProtectedHeader(wiki.id_token).alg, 'ES256')
    assert.equal(decodeProtectedHeader(wiki.access_token).alg, 'ES256')
    const chat = await host.rp('chat').signIn(browser)
    assert.equal(decodeProtectedHeader(chat.id_token).alg, 'RS256')
  })

  test('a key that is published but not yet usable does not sign until its time (KK-08)', async () => {
    let now = Date.now()
    const ambient = systemAmbient({ clock: { now: () => now } })
    await using store = await database.open(ambient)
    await using host = await startOpHost({ store, ambient })
    const coming = { ...(await makeKey('ES256', now + 600_000)), priority: 200 }
    const attributes = { 'id.token.signed.response.alg': 'ES256' }
    host.changeRealm('test', (realm) => ({
      ...realm,
      keys: [coming, ...realm.keys],
      clients: new Map([...realm.clients].map(([id, client]) => [id, { ...client, attributes }])),
    }))
    const browser = host.browser()
    const before = await host.rp('wiki').signIn(browser)
    assert.notEqual(decodeProtectedHeader(before.id_token).kid, coming.kid)
    const keys = (await (
      await request(`${host.realm().issuer}/protocol/openid-connect/certs`)
    ).body.json()) as {
      keys: { kid: string }[]
    }
    assert.ok(keys.keys.some((key) => key.kid === coming.kid))
    now += 600_000
    const after = await host.rp('wiki').refresh(before.refresh_token)
    assert.equal(decodeProtectedHeader(after.body.id_token as string).kid, coming.kid)
  })

  test('after a sign-out a refresh answers 400 with Session not active, and the event says who ended it (KK-03, KR-20)', async () => {
    await using store = await database.open()
    await using host = await startOpHost({ store, settings: { eventsEnabled: true } })
    const tokens = await host.rp('wiki').signIn(host.browser())
    await endAll(host, 'ordinary')
    const refused = await host.rp('wiki').refresh(tokens.refresh_token)
    assert.equal(refused.status, 400)
    assert.deepEqual(refused.body, { error: 'invalid_grant', error_description: 'Session not active' })
    const error = await waitForEvent(store, 'REFRESH_TOKEN_ERROR')
    assert.equal(error.error, 'invalid_token')
    assert.match(error.details, /by an administrator/)
  })

  test('tokens of strangers are refused with a sentence that names the cause (KR-20)', async () => {
    await using store = await database.open()
    await using host = await startOpHost({ store, realmNames: ['test', 'other'] })
    const browser = host.browser()
    const wiki = await host.rp('wiki').signIn(browser)
    const other = await host.rp('wiki', { realm: 'other' }).signIn(host.browser())
    const cases = [
      [wiki.access_token, 'Invalid refresh token'],
      [other.refresh_token, 'Invalid refresh token'],
      ['opaque', 'Invalid refresh token'],
      [`${wiki.refresh_token.slice(0, -4)}AAAA`, 'Invalid refresh token'],
    ] as const
    for (const [token, description] of cases) {
      const answer = await host.rp('wiki').refresh(token)
      assert.equal(answer.status, 400)
      assert.deepEqual(answer.body, { error: 'invalid_grant', error_description: description })
    }
    const ofOther = await host.rp('chat').refresh(wiki.refresh_token)
    assert.equal(ofOther.status, 400)
  })

  test('a public client rotates at every refresh, and a used token ends the family (KK-09)', async () => {
    await using store = await database.open()
    await using host = await startOpHost({ store, clients: [{ clientId: 'spa', publicClient: true }] })
    const spa = host.rp('spa', { secret: '' })
    const tokens = await spa.signIn(host.browser())
    const second = await spa.refresh(tokens.refresh_token)
    assert.equal(second.status, 200, JSON.stringify(second.body))
    assert.notEqual(decodeJwt(second.body.refresh_token as string).jti, decodeJwt(tokens.refresh_token).jti)
    const replay = await spa.refresh(tokens.refresh_token)
    assert.equal(replay.status, 400)
    const third = await spa.refresh(second.body.refresh_token as string)
    assert.equal(third.status, 400, 'the family is gone')
    assert.equal(await refreshTokenRows(store), 0)
  })

  test('a confidential client keeps its refresh token, and a refresh stores nothing', async () => {
    await using store = await database.open()
    await using host = await startOpHost({ store })
    const tokens = await host.rp('wiki').signIn(host.browser())
    const second = await host.rp('wiki').refresh(tokens.refresh_token)
    assert.equal(decodeJwt(second.body.refresh_token as string).jti, decodeJwt(tokens.refresh_token).jti)
    assert.equal(await refreshTokenRows(store), 1)
  })

  test('an offline grant survives an ordinary sign-out and ends with a security one (SR-06)', async () => {
    await using store = await database.open()
    const scopes = { defaultClientScopes: ['profile'], optionalClientScopes: ['offline_access'] }
    await using host = await startOpHost({ store, clients: [{ clientId: 'wiki', ...scopes }] })
    const wiki = host.rp('wiki')
    const browser = host.browser()
    await wiki.signIn(browser)
    const page = await browser.get(wiki.authorizationUrl({ scope: 'openid offline_access' }))
    const tokens = await wiki.exchange(page.location as string)
    assert.equal(tokens.status, 200, JSON.stringify(tokens.body))
    const offline = decodeJwt(tokens.body.refresh_token as string)
    assert.equal(offline['typ'], 'Offline')
    assert.ok((offline.exp as number) - (offline.iat as number) > 2_000_000)
    await endAll(host, 'ordinary')
    const refreshed = await wiki.refresh(tokens.body.refresh_token as string)
    assert.equal(refreshed.status, 200, JSON.stringify(refreshed.body))
    await endAll(host, 'security')
    assert.equal((await wiki.refresh(tokens.body.refresh_token as string)).status, 400)
  })

  test('an offline grant that is used rests anew, and is not written again within a minute (KW-05)', async () => {
    await using store = await database.open()
    const scopes = { optionalClientScopes: ['offline_access'] }
    await using host = await startOpHost({ store, clients: [{ clientId: 'wiki', ...scopes }] })
    const wiki = host.rp('wiki')
    const browser = host.browser()
    await wiki.signIn(browser)
    const page = await browser.get(wiki.authorizationUrl({ scope: 'openid offline_access' }))
    const tokens = await wiki.exchange(page.location as string)
    const expiries = async (): Promise<readonly (number | null)[]> => {
      const rows = await store.read.db
        .selectFrom('artifact')
        .select('expires_at')
        .where('is_offline', '=', 1)
        .orderBy('kind')
        .execute()
      return rows.map((row) => row.expires_at)
    }
    const first = await expiries()
    assert.equal(first.length, 2)
    assert.equal((await wiki.refresh(tokens.body.refresh_token as string)).status, 200)
    assert.deepEqual(await expiries(), first)
    // as if three weeks had passed
    const soon = Date.now() + 9 * 86_400_000
    await store.transact((tx) =>
      tx.db.updateTable('artifact').set({ expires_at: soon }).where('is_offline', '=', 1).execute(),
    )
    const refreshed = await wiki.refresh(tokens.body.refresh_token as string)
    const told = (decodeJwt(refreshed.body.refresh_token as string).exp as number) * 1000
    for (const expiresAt of await expiries()) assert.ok(Math.abs((expiresAt ?? 0) - told) < 5000)
  })

  test('an offline code that was not exchanged before the sign-out is dead (THR-08)', async () => {
    await using store = await database.open()
    const scopes = { optionalClientScopes: ['offline_access'] }
    await using host = await startOpHost({
      store,
      clients: [{ clientId: 'wiki', ...scopes }, { clientId: 'chat' }],
    })
    const wiki = host.rp('wiki')
    const browser = host.browser()
    await host.rp('chat').signIn(browser)
    const page = await browser.get(wiki.authorizationUrl({ scope: 'openid offline_access' }))
    await endAll(host, 'ordinary')
    assert.equal((await wiki.exchange(page.location as string)).status, 400)
  })

  test('a client that acts for itself gets a token of its own account, without a session', async () => {
    await using store = await database.open()
    await using host = await startOpHost({
      store,
      clients: [{ clientId: 'job', serviceAccountsEnabled: true }],
    })
    const answer = await host.rp('job').post('token', { grant_type: 'client_credentials' })
    assert.equal(answer.status, 200, JSON.stringify(answer.body))
    const claims = decodeJwt(answer.body.access_token as string)
    assert.equal(claims.sub, 'id-test-service-account-job')
    assert.equal(claims['preferred_username'], 'service-account-job')
    assert.equal(claims['sid'], undefined)
    assert.equal((answer.body as Record<string, unknown>)['refresh_expires_in'], 0)
    assert.equal(answer.body.refresh_token, undefined)
  })

  test('the password grant is off unless realm and client say so, and its session is one like any other (SR-24)', async () => {
    await using store = await database.open()
    const clients = [{ clientId: 'cli', directAccessGrantsEnabled: true }, { clientId: 'wiki' }]
    const fields = { grant_type: 'password', username: 'alice', password: 'right', scope: 'openid' }
    {
      await using off = await startOpHost({ store, clients, realmNames: ['closed'] })
      const refused = await off.rp('cli', { realm: 'closed' }).post('token', fields)
      assert.equal(refused.body.error, 'unsupported_grant_type')
      assert.match(String(refused.body.error_description), /curfew\.password\.grant .* client credentials/)
    }
    await using host = await startOpHost({
      store,
      clients,
      settings: { passwordGrant: 'clients' },
      op: {
        verifyCredentials: async (realm, login, password) => {
          const { findAccountByLogin } = await import('../../src/account/find-account.ts')
          const of = { id: realm.id, loginWithEmailAllowed: true }
          const account = await findAccountByLogin(store.read, of, login)
          return account && password === 'right' ? { ok: true, account } : { ok: false, reason: 'invalid' }
        },
      },
    })
    const cli = host.rp('cli')
    const answer = await cli.post('token', fields)
    assert.equal(answer.status, 200, JSON.stringify(answer.body))
    assert.equal(decodeJwt(answer.body.id_token as string).sub, 'id-test-alice')
    assert.equal((await cli.refresh(answer.body.refresh_token as string)).status, 200)
    const wrong = await cli.post('token', { ...fields, password: 'wrong' })
    assert.equal(wrong.status, 401)
    assert.deepEqual(wrong.body, { error: 'invalid_grant', error_description: 'Invalid user credentials' })
    assert.equal((await host.rp('wiki').post('token', fields)).status, 400, 'the client does not have it')
    await endAll(host, 'ordinary')
    assert.equal((await cli.refresh(answer.body.refresh_token as string)).status, 400)
  })

  test('what the applications did is recorded in the words of Keycloak', async () => {
    await using store = await database.open()
    await using host = await startOpHost({ store, settings: { eventsEnabled: true } })
    const wiki = host.rp('wiki')
    const tokens = await wiki.signIn(host.browser())
    await wiki.refresh(tokens.refresh_token)
    await host.rp('wiki', { secret: 'wrong' }).refresh(tokens.refresh_token)
    await waitForEvent(store, 'REFRESH_TOKEN_ERROR')
    const events = await store.read.db
      .selectFrom('event')
      .select(['type', 'client_id', 'account_id', 'error', 'details', 'ip_address'])
      .orderBy('seq')
      .execute()
    assert.deepEqual(
      events.map((event) => [event.type, event.client_id, event.account_id, event.error]),
      [
        ['LOGIN', 'wiki', 'id-test-alice', null],
        ['CODE_TO_TOKEN', 'wiki', 'id-test-alice', null],
        ['REFRESH_TOKEN_ERROR', 'wiki', null, 'invalid_client_credentials'],
      ],
    )
    assert.ok(events.every((event) => event.ip_address === '127.0.0.1'))
    const all = JSON.stringify(events)
    for (const secret of [tokens.refresh_token, tokens.access_token, tokens.session_state]) {
      assert.ok(!all.includes(secret))
    }
    assert.match(events[2]?.details ?? '', /sent a wrong client secret/)
  })
})

async function waitForEvent(store: Store, type: string): Promise<{ error: string | null; details: string }> {
  for (let tries = 0; tries < 100; tries++) {
    const row = await store.read.db
      .selectFrom('event')
      .select(['error', 'details'])
      .where('type', '=', type)
      .executeTakeFirst()
    if (row) return row
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  throw new Error(`no event ${type} was recorded`)
}
