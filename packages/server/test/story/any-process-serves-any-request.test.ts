import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import { forEachDatabase } from '../support/database.ts'
import { type Processes, startProcesses } from '../support/processes.ts'
import type { RealmExportOptions } from '../support/realm-export.ts'
import { type Receiver, startReceiver } from '../support/receiver.ts'

const realmOf = (receiver: Receiver, names = ['wiki', 'chat']): RealmExportOptions => ({
  clients: names.map((clientId) => ({ clientId, backchannelUrl: receiver.urlOf(clientId) })),
})

async function until(isSo: () => Promise<boolean>, limitMs: number): Promise<number> {
  const startedAt = performance.now()
  while (!(await isSo())) {
    if (performance.now() - startedAt > limitMs) assert.fail(`not so within ${limitMs} ms`)
    await wait(20)
  }
  return performance.now() - startedAt
}

const health = async ({ members }: Processes, index: number, which: string): Promise<number> =>
  (await fetch(`${members[index]?.url}/health/${which}`)).status

forEachDatabase('processes on one database', (database) => {
  if (database.dialect === 'sqlite') return

  test('a person signs in at one, refreshes at another and signs out at a third, without sticky sessions', async () => {
    await using receiver = await startReceiver()
    await using processes = await startProcesses(database, 3, realmOf(receiver))
    const browser = processes.browser()
    const wiki = processes.rp('wiki')
    const chat = processes.rp('chat')
    const first = await wiki.signIn(browser)
    await processes.through(1)
    await chat.signIn(browser)
    const refreshed = await wiki.refresh(first.refresh_token)
    assert.equal(refreshed.status, 200)
    await processes.through(2)
    const page = await browser.get(wiki.logoutUrl({ id_token_hint: first.id_token }))
    assert.equal(page.status, 302)
    const told = await receiver.until(2)
    assert.deepEqual(told.map(({ clientId }) => clientId).sort(), ['chat', 'wiki'])
    for (const index of [0, 1, 2]) {
      await processes.through(index)
      const refused = await wiki.refresh(refreshed.body.refresh_token ?? '')
      assert.deepEqual([refused.status, refused.body.error], [400, 'invalid_grant'])
    }
    assert.equal(receiver.received.length, 2)
  })

  test('a change of a realm at one is seen by the other within 1 s', async () => {
    await using receiver = await startReceiver()
    await using processes = await startProcesses(database, 2, realmOf(receiver))
    await processes.through(1)
    const files = processes.rp('files')
    const isKnown = async (): Promise<boolean> => {
      const page = await processes.browser().get(files.authorizationUrl())
      return page.status < 400
    }
    assert.equal(await isKnown(), false)
    await processes.reimport(0, realmOf(receiver, ['wiki', 'chat', 'files']))
    await until(isKnown, 1000)
  })

  test('R28: while the database is away requests get 503 with Retry-After, readiness says no, and nothing acknowledged is lost', async () => {
    await using receiver = await startReceiver()
    await using processes = await startProcesses(database, 1, realmOf(receiver))
    const [member] = processes.members
    const browser = processes.browser()
    const wiki = processes.rp('wiki')
    const tokens = await wiki.signIn(browser)
    const other = processes.browser()
    const later = await wiki.signIn(other)
    receiver.behave('wiki', 'hang')
    const signedOut = await browser.get(wiki.logoutUrl({ id_token_hint: tokens.id_token }))
    assert.equal(signedOut.status, 302)
    member?.database.goAway()

    assert.equal(await health(processes, 0, 'live'), 200)
    assert.equal(await health(processes, 0, 'ready'), 503)
    for (const url of [wiki.logoutUrl({ id_token_hint: later.id_token }), wiki.authorizationUrl()]) {
      const page = await other.get(url)
      assert.deepEqual([page.status, page.headers['retry-after']], [503, '5'], url)
      assert.match(String(page.headers['content-type']), /^text\/html/)
      assert.match(page.text, /We cannot do this at the moment/)
    }
    const token = await fetch(`${processes.issuer}/protocol/openid-connect/token`, {
      method: 'POST',
      body: new URLSearchParams({
        grant_type: 'refresh_token',
        refresh_token: later.refresh_token,
        client_id: 'wiki',
        client_secret: 'a-secret-of-the-tests',
      }),
    })
    assert.deepEqual([token.status, token.headers.get('retry-after')], [503, '5'])

    member?.database.heal()
    receiver.behave('wiki', 200)
    await until(async () => (await health(processes, 0, 'ready')) === 200, 10_000)
    const again = await other.get(wiki.logoutUrl({ id_token_hint: later.id_token }))
    assert.equal(again.status, 302)
    const sids = new Set(
      [tokens, later].map(({ id_token }) => JSON.parse(atob(id_token.split('.')[1] ?? '')).sid),
    )
    await until(
      async () =>
        receiver.received.filter(({ claims }) => sids.delete(String(claims['sid']))) && sids.size === 0,
      15_000,
    )
  })

  test('R18, S-10: on machines whose clocks are 5 min off to either side, tokens are of now and nobody waits', async () => {
    await using receiver = await startReceiver()
    await using processes = await startProcesses(database, 2, realmOf(receiver), [300_000, -300_000])
    const browser = processes.browser()
    const wiki = processes.rp('wiki')
    for (const [from, to] of [
      [0, 1],
      [1, 0],
    ] as const) {
      await processes.through(from)
      const tokens = await wiki.signIn(browser)
      const idToken = JSON.parse(atob(tokens.id_token.split('.')[1] ?? '')) as { iat: number }
      assert.ok(Math.abs(idToken.iat - Date.now() / 1000) < 3, `an ID token of ${idToken.iat}`)
      await processes.through(to)
      const refreshed = await wiki.refresh(tokens.refresh_token)
      assert.equal(refreshed.status, 200)
      const toldBefore = receiver.received.length
      await browser.get(wiki.logoutUrl({ id_token_hint: tokens.id_token }))
      await receiver.until(toldBefore + 1, { timeoutMs: 5000 })
      const claims = receiver.received[toldBefore]?.claims ?? {}
      const sentAt = Date.now() / 1000
      const [iat, exp] = [Number(claims['iat']), Number(claims['exp'])]
      assert.ok(Math.abs(iat - sentAt) < 5 && exp - iat === 120, `a logout token of ${iat} at ${sentAt}`)
    }
  })

  test('F-19, F-27, T9: a process whose LISTEN has gone deaf is carried by polling', async () => {
    await using receiver = await startReceiver()
    await using processes = await startProcesses(database, 1, realmOf(receiver))
    processes.members[0]?.database.blackhole('toCaller', 'curfew-listen')
    const browser = processes.browser()
    const wiki = processes.rp('wiki')
    const tokens = await wiki.signIn(browser)
    await browser.get(wiki.logoutUrl({ id_token_hint: tokens.id_token }))
    await receiver.until(1, { timeoutMs: 5000 })
  })
})
