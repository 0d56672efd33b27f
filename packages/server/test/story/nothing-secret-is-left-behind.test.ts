import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import pg from 'pg'
import { adminEnvironment, adminPassword, signInAsAdministrator } from '../support/administrator.ts'
import { forEachDatabase } from '../support/database.ts'
import { testPassword, testSecret } from '../support/realm-export.ts'
import { startReceiver } from '../support/receiver.ts'
import type { Tokens } from '../support/relying-party.ts'
import { type ServerProcess, startServerProcess } from '../support/server-process.ts'
import { createUserAgent, type UserAgent } from '../support/user-agent.ts'

const applications = ['wiki', 'chat']
/** Shorter values (a language, a flag) are no secrets and stand everywhere. */
const secretLengthMin = 12

forEachDatabase('after a whole run, with the most talkative log', (database) => {
  test('no token, code, cookie, secret or password that was used stands in the log or in the database (D19, X-13, KE-33)', async () => {
    await using receiver = await startReceiver()
    const created = await database.create()
    const clients = applications.map((clientId) => ({ clientId, backchannelUrl: receiver.urlOf(clientId) }))
    await using server = await startServerProcess({
      ...created,
      realm: { clients },
      env: { ...adminEnvironment, CURFEW_LOG_LEVEL: 'debug' },
    })
    const used = new Map([
      [testPassword, 'the password of a person'],
      ['a password typed wrong', 'a wrong password'],
      ['a password in the wrong field', 'a password typed as a name'],
      [testSecret, 'the secret of an application'],
      ['a secret that is wrong', 'a wrong secret'],
      [adminPassword, 'the password of the administrator'],
    ])
    const keep = (what: string, ...values: readonly (string | undefined)[]): void => {
      for (const value of values) if (value && value.length >= secretLengthMin) used.set(value, what)
    }
    const sids = await live(server, keep)
    for (const { raw } of await receiver.until(2)) keep('a logout token', raw)
    assert.equal(await server.stop(), 0)

    const logged = server.printed()
    assert.match(logged, /type=LOGIN\b/)
    assert.match(logged, /type=LOGOUT\b/)
    const stored = created.databaseUrl ? await dumpOf(created.databaseUrl) : filesOf(created.dataDir)
    assert.ok(stored.includes('backchannel-logout'), 'the database was read')
    assert.ok(used.size > 20, `${used.size} secrets were used`)
    for (const [value, what] of used) {
      for (const spelling of spellingsOf(value)) {
        assert.ok(!logged.includes(spelling), `${what} stands in the log`)
        assert.ok(!stored.includes(spelling), `${what} stands in the database`)
      }
    }
    for (const sid of sids) assert.ok(!logged.includes(sid), 'a full sid stands in the log')
  })
})

type Keep = (what: string, ...values: readonly (string | undefined)[]) => void

/** Sign-ins, right and wrong, refreshes, refusals and sign-outs of both kinds. */
async function live(server: ServerProcess, keep: Keep): Promise<readonly string[]> {
  await using agent = createUserAgent()
  const root = await signInAsAdministrator(server.url)
  keep('the token of the administrator', root.token)
  const [wiki, chat] = [server.rp('wiki'), server.rp('chat')]
  const mistyped = await agent.follow(await agent.get(wiki.authorizationUrl()), server.issuer)
  await agent.submit(mistyped, { username: 'alice', password: 'a password typed wrong' })
  await agent.submit(mistyped, { username: 'a password in the wrong field', password: 'x' })
  const first = await wiki.signIn(agent)
  keepAll(agent, keep)
  const unused = await agent.follow(await agent.get(chat.authorizationUrl()), server.issuer)
  keep('a code', new URL(unused.location ?? '').searchParams.get('code') ?? '')
  await chat.exchange(unused.location ?? '')
  await chat.exchange(unused.location ?? '')
  const second = await chat.signIn(agent)
  const rotated = (await wiki.refresh(first.refresh_token)).body
  await wiki.refresh('a token that is none at all')
  await wiki.post('token', { grant_type: 'client_credentials', client_secret: 'a secret that is wrong' })
  await chat.post('logout', { refresh_token: first.refresh_token })
  await wiki.post('token/introspect', { token: second.access_token })
  keepTokens(keep, first, second, rotated as Tokens)
  keepAll(agent, keep)
  await agent.get(wiki.logoutUrl({ id_token_hint: second.id_token.slice(0, -9) }))
  const question = await agent.get(wiki.logoutUrl())
  keep('the token of a form', /name="(?:token|csrf)[^"]*" value="([^"]+)"/.exec(question.text)?.[1])
  await agent.get(wiki.logoutUrl({ id_token_hint: first.id_token }))
  keepAll(agent, keep)
  const third = await chat.signIn(agent)
  keepTokens(keep, third)
  keepAll(agent, keep)
  await postFromElsewhere(chat.logoutUrl(), third.id_token, keep)
  await chat.post('logout', { refresh_token: third.refresh_token })
  return [first, second, third].map(({ session_state }) => session_state)
}

/** A form of another site: the hint waits for the browser to come back with its cookies (SR-21). */
async function postFromElsewhere(url: string, hint: string, keep: Keep): Promise<void> {
  await using stranger = createUserAgent()
  const kept = await stranger.post(url, { id_token_hint: hint }, { 'sec-fetch-site': 'cross-site' })
  const handle = new URL(kept.location ?? '').searchParams.get('continue') ?? undefined
  assert.ok(handle)
  keep('the handle of a request that goes on', handle)
  keepAll(stranger, keep)
}

function keepTokens(keep: Keep, ...all: readonly Tokens[]): void {
  for (const tokens of all) {
    keep('a token', tokens.access_token, tokens.refresh_token, tokens.id_token)
    // the signature is what makes a token: a copy without its header is no better
    keep('a signature', tokens.access_token?.split('.')[2], tokens.refresh_token?.split('.')[2])
  }
}

function keepAll(agent: UserAgent, keep: Keep): void {
  for (const [name, value] of agent.cookies) keep(`the cookie ${name}`, value)
}

function spellingsOf(value: string): readonly string[] {
  return [
    ...new Set([value, encodeURIComponent(value), Buffer.from(value).toString('base64').replace(/=+$/, '')]),
  ]
}

/** The files of SQLite with its journals, as bytes; not the realm file of the test and the server's own secret. */
function filesOf(dataDir: string): string {
  return readdirSync(dataDir)
    .filter((name) => name.startsWith('curfew.db'))
    .map((name) => readFileSync(join(dataDir, name), 'latin1'))
    .join('\n')
}

async function dumpOf(databaseUrl: string): Promise<string> {
  const client = new pg.Client({ connectionString: databaseUrl })
  await client.connect()
  try {
    const tables = await client.query<{ name: string }>(
      `select tablename as name from pg_tables where schemaname = 'public'`,
    )
    let text = ''
    for (const { name } of tables.rows) {
      const { rows } = await client.query<{ row: string }>(`select t::text as row from "${name}" t`)
      text += rows.map(({ row }) => row).join('\n')
    }
    return text
  } finally {
    await client.end()
  }
}
