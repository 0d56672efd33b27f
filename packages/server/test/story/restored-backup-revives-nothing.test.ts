import assert from 'node:assert/strict'
import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { request } from 'undici'
import { forEachDatabase, type TestDatabase } from '../support/database.ts'
import { replaceDatabase } from '../support/postgres.ts'
import { type Receiver, startReceiver } from '../support/receiver.ts'
import type { RelyingParty, Tokens } from '../support/relying-party.ts'
import { type Ended, runCurfew, type ServerProcess, startServerProcess } from '../support/server-process.ts'
import { createUserAgent, type UserAgent } from '../support/user-agent.ts'

const offline = { scope: 'openid offline_access' }

forEachDatabase('R26, C-07: a backup that is put back', (database) => {
  test('revives nothing that ended, was revoked or was used since, and tells whom it signs out', async () => {
    await using receiver = await startReceiver()
    await using world = await startWorld(database, receiver)
    const { server, wiki } = world
    await using stays = createUserAgent()
    await using leaves = createUserAgent()
    await using later = createUserAgent()
    await using away = createUserAgent()
    const kept = await wiki.signIn(stays)
    const ended = await wiki.signIn(leaves)
    const revoked = await wiki.signIn(away, 'alice', offline)
    const unrevoked = await wiki.signIn(away, 'alice', offline)
    const unused = await wiki.obtainCode(stays)
    const used = await wiki.obtainCode(stays)
    const service = await wiki.post('token', { grant_type: 'client_credentials' })
    await world.backUp()

    const exchanged = await wiki.exchange(used)
    assert.equal(exchanged.status, 200)
    const begun = await wiki.signIn(later)
    await leaves.get(wiki.logoutUrl({ id_token_hint: ended.id_token }))
    await wiki.post('revoke', { token: revoked.refresh_token })
    await wiki.post('revoke', { token: service.body.access_token ?? '' })
    await receiver.until(1, { sids: [ended.session_state] })
    const restored = await world.putBack()
    assert.equal(restored.code, 0, restored.stderr)
    assert.match(restored.stdout, /3 session\(s\) of the copy were signed out/)

    for (const tokens of [kept, ended, revoked, unrevoked, begun, exchanged.body as Tokens])
      await assertDead(server, wiki, tokens)
    assert.deepEqual(await introspect(wiki, service.body.access_token), { active: false })
    for (const agent of [stays, leaves, later, away])
      assert.match(await silently(wiki, agent), /login_required/)
    for (const code of [unused, used]) assert.equal((await wiki.exchange(code)).body.error, 'invalid_grant')

    const told = [kept, ended, unrevoked].map((tokens) => tokens.session_state)
    await receiver.until(4, { sids: told, timeoutMs: 10_000 })
    const again = await wiki.signIn(stays)
    assert.equal((await wiki.refresh(again.refresh_token)).status, 200)
    assert.equal(
      receiver.received.some(({ claims }) => claims['sid'] === again.session_state),
      false,
    )
    await stays.get(wiki.logoutUrl({ id_token_hint: again.id_token }))
    await receiver.until(1, { sids: [again.session_state] })
  })

  test('is refused whole when it names the other database, and changes nothing', async () => {
    await using receiver = await startReceiver()
    await using world = await startWorld(database, receiver)
    const { server, wiki } = world
    await using agent = createUserAgent()
    const tokens = await wiki.signIn(agent)
    const wrong = database.dialect === 'sqlite' ? ['--after-pg-restore'] : [join(world.dataDir, 'realm.json')]
    const refused = await runCurfew(['db', 'restore', ...wrong, ...world.flags])
    assert.equal(refused.code, 2)
    assert.match(refused.stderr, /--after-pg-restore --database-url/)
    assert.equal((await wiki.refresh(tokens.refresh_token)).status, 200)
    if (database.dialect === 'postgres') return

    const file = join(world.dataDir, 'no-database')
    const early = await runCurfew(['db', 'restore', join(world.dataDir, 'realm.json'), ...world.flags])
    assert.equal(early.code, 5, 'the server is still running')
    await server.stop()
    writeFileSync(file, 'this is not a database, but long enough to look like the header of one'.repeat(100))
    const broken = await runCurfew(['db', 'restore', file, ...world.flags])
    assert.notEqual(broken.code, 0)
    assert.deepEqual(
      readdirSync(world.dataDir).filter(
        (name) => name.startsWith('restore-') || name.includes('before-restore'),
      ),
      [],
    )
    await server.restart()
    assert.equal((await wiki.refresh(tokens.refresh_token)).status, 200)
  })

  if (database.dialect === 'sqlite') {
    test('takes the place of a broken database, and every database that it replaces is kept', async () => {
      await using receiver = await startReceiver()
      await using world = await startWorld(database, receiver)
      await world.backUp()
      await world.server.stop()
      for (const text of ['broken', 'broken again']) {
        writeFileSync(join(world.dataDir, 'curfew.db'), text)
        const restored = await runCurfew(['db', 'restore', world.copy, ...world.flags])
        assert.equal(restored.code, 0, restored.stderr)
      }
      const kept = readdirSync(world.dataDir).filter((name) => /before-restore(-2)?$/.test(name))
      assert.equal(kept.length, 2)
      await world.server.restart()
      await using agent = createUserAgent()
      await world.wiki.signIn(agent)
    })
  }
})

interface World extends AsyncDisposable {
  readonly server: ServerProcess
  readonly wiki: RelyingParty
  readonly dataDir: string
  /** The backup: a file, or the address of a database. */
  readonly copy: string
  /** That name the database of the server. */
  readonly flags: readonly string[]
  backUp(): Promise<void>
  /** As the runbook says: stop, put back, start. The result of `curfew db restore`. */
  putBack(): Promise<Ended>
}

async function startWorld(database: TestDatabase, receiver: Receiver): Promise<World> {
  const { dataDir, databaseUrl } = await database.create()
  const clients = [{ clientId: 'wiki', backchannelUrl: receiver.urlOf('wiki'), serviceAccount: true }]
  const server = await startServerProcess({ dataDir, databaseUrl, realm: { clients } })
  const copy = databaseUrl === undefined ? join(dataDir, 'copy.db') : `${databaseUrl}_copy`
  const flags =
    databaseUrl === undefined ? ['--data', dataDir] : ['--database-url', databaseUrl, '--data', dataDir]
  return {
    server,
    wiki: server.rp('wiki'),
    dataDir,
    copy,
    flags,
    async backUp() {
      if (databaseUrl === undefined) {
        assert.equal((await runCurfew(['db', 'backup', copy, ...flags])).code, 0)
        return
      }
      // in the place of pg_dump, which is not among the binaries of the tests
      await server.stop()
      await replaceDatabase(copy, databaseUrl)
      await server.restart()
    },
    async putBack() {
      await server.stop()
      if (databaseUrl !== undefined) await replaceDatabase(databaseUrl, copy)
      const what = databaseUrl === undefined ? copy : '--after-pg-restore'
      const restored = await runCurfew(['db', 'restore', what, ...flags])
      await server.restart()
      return restored
    },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  }
}

async function assertDead(server: ServerProcess, rp: RelyingParty, tokens: Tokens): Promise<void> {
  assert.equal((await rp.refresh(tokens.refresh_token)).body.error, 'invalid_grant')
  for (const token of [tokens.refresh_token, tokens.access_token])
    assert.deepEqual(await introspect(rp, token), { active: false })
  const { statusCode, body } = await request(`${server.issuer}/protocol/openid-connect/userinfo`, {
    headers: { authorization: `Bearer ${tokens.access_token}` },
  })
  await body.dump()
  assert.equal(statusCode, 401)
}

async function introspect(rp: RelyingParty, token: string | undefined): Promise<unknown> {
  return (await rp.post('token/introspect', { token: token ?? '' })).body
}

async function silently(rp: RelyingParty, agent: UserAgent): Promise<string> {
  return (await agent.get(rp.authorizationUrl({ prompt: 'none' }))).location ?? ''
}
