import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { generateKeyPair, SignJWT } from 'jose'
import { Agent, request } from 'undici'
import { type BadRequest, badRequests } from '../fixture/bad-requests.ts'
import { forEachDatabase } from '../support/database.ts'
import { type Receiver, startReceiver } from '../support/receiver.ts'
import type { Tokens } from '../support/relying-party.ts'
import type { UserAgent } from '../support/user-agent.ts'
import { startWholeServer, type WholeServer } from '../support/whole-server.ts'

const form = 'application/x-www-form-urlencoded'

forEachDatabase('bad input', (database) => {
  let receiver: Receiver
  let world: WholeServer
  let agent: UserAgent
  let tokens: Tokens
  let foreign: { readonly hint: string; readonly accessToken: string }
  let outside: Agent

  before(async () => {
    receiver = await startReceiver()
    outside = new Agent()
    const clients = [{ clientId: 'wiki', backchannelUrl: receiver.urlOf('wiki') }, { clientId: 'chat' }]
    world = await startWholeServer(database, { clients })
    agent = world.browser()
    tokens = await world.rp('wiki').signIn(agent)
    foreign = await forge(world.issuer, tokens.session_state)
  })
  after(async () => {
    await outside?.close()
    await world?.[Symbol.asyncDispose]()
    await receiver?.[Symbol.asyncDispose]()
  })

  for (const accept of ['application/json', 'text/html'] as const) {
    test(`is answered in ${accept === 'text/html' ? 'a page' : 'JSON'} with the right status, an event and no change of state`, async (t) => {
      for (const bad of badRequests()) await t.test(bad.title, () => check(bad, accept))
    })
  }

  test('leaves the session as it was: its tokens work and nobody was told', async () => {
    const { status } = await world.rp('wiki').refresh(tokens.refresh_token)
    assert.equal(status, 200)
    assert.deepEqual(receiver.received, [])
  })

  async function check(bad: BadRequest, accept: 'application/json' | 'text/html'): Promise<void> {
    const before = await countRows(world)
    const eventsBefore = world.errors().length
    const cookie = [...agent.cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    const answer = await request(world.url + fill(bad.path), {
      dispatcher: outside,
      method: bad.method ?? (bad.body === undefined ? 'GET' : 'POST'),
      ...(bad.body === undefined ? {} : { body: fill(bad.body) }),
      headers: {
        accept: accept === 'text/html' ? 'text/html,application/xhtml+xml,*/*;q=0.8' : accept,
        ...(bad.body === undefined ? {} : { 'content-type': bad.type ?? form }),
        ...(bad.asBrowser ? { cookie } : {}),
        ...Object.fromEntries(Object.entries(bad.headers ?? {}).map(([name, value]) => [name, fill(value)])),
      },
    })
    const text = await answer.body.text()
    const shown = `${answer.statusCode} ${text.slice(0, 400)}`
    assert.ok([bad.status].flat().includes(answer.statusCode), shown)
    assert.doesNotMatch(text, /\n\s+at |node_modules|\.ts:\d/, 'no stack')
    if (text !== '') assertClear(bad.path, String(answer.headers['content-type']), text, accept)
    if (bad.event !== undefined) {
      const events = world.errors().slice(eventsBefore)
      assert.deepEqual(
        events.map(({ type, error }) => `${type}/${error}`),
        [bad.event],
        shown,
      )
      assert.ok((events[0]?.explanation ?? '').length > 20, 'the event explains itself')
    }
    assert.deepEqual(await countRows(world), before)
  }

  /** The tokens of this run, where the table names them. */
  function fill(text: string): string {
    const damaged = `${tokens.id_token.slice(0, -8)}AAAAAAAA`
    return text
      .replaceAll('{id_token}', tokens.id_token)
      .replaceAll('{damaged_id_token}', damaged)
      .replaceAll('{access_token}', tokens.access_token)
      .replaceAll('{refresh_token}', tokens.refresh_token)
      .replaceAll('{foreign_hint}', foreign.hint)
      .replaceAll('{foreign_access_token}', foreign.accessToken)
  }
})

/** Called by programs alone; RFC 6749 §5.2 wants JSON whatever they accept. */
const programs = /\/(token|ext\/par\/request)(\?|$)/
/** What a browser navigates to; it answers a page whatever is accepted. `/logout` is both: with a refresh token a program calls. */
const pages = /\/(auth|logout-confirm|sign-in|sign-out|setup|language)(\/|\?|$)/

/** A page names the trouble in a heading; JSON has the member `error`. */
function assertClear(path: string, type: string, text: string, accept: string): void {
  if (programs.test(path)) assert.match(type, /^application\//, `a program gets JSON: ${text.slice(0, 300)}`)
  else if (accept === 'text/html' && pages.test(path))
    assert.match(type, /^text\/html/, `a browser gets a page: ${text.slice(0, 300)}`)
  if (type.startsWith('text/html')) assert.match(text, /<h1[^>]*>[^<]{5,}<\/h1>/)
  else if (/^application\/(problem\+)?json/.test(type)) {
    const body = JSON.parse(text) as { error?: unknown; active?: unknown; type?: unknown }
    assert.ok(body.error !== undefined || body.active === false || body.type !== undefined, text)
  } else assert.fail(`neither a page nor JSON: ${type} ${text.slice(0, 200)}`)
}

/** A hint and an access token as good as they can be, signed by somebody else's key. */
async function forge(issuer: string, sid: string): Promise<{ hint: string; accessToken: string }> {
  const { privateKey } = await generateKeyPair('RS256')
  const sign = (claims: Record<string, unknown>): Promise<string> =>
    new SignJWT({ azp: 'wiki', sid, sub: 'alice', session_state: sid, ...claims })
      .setProtectedHeader({ alg: 'RS256', kid: 'of-somebody-else', typ: 'JWT' })
      .setIssuer(issuer)
      .setAudience('wiki')
      .setIssuedAt()
      .setExpirationTime('5m')
      .sign(privateKey)
  return { hint: await sign({ typ: 'ID' }), accessToken: await sign({ typ: 'Bearer', scope: 'openid' }) }
}

async function countRows({ server }: WholeServer): Promise<Readonly<Record<string, number>>> {
  const counts: Record<string, number> = {}
  for (const table of ['session', 'client_session', 'artifact', 'sign_out', 'delivery', 'account'] as const) {
    const row = await server.store.read.db
      .selectFrom(table)
      .select(({ fn }) => fn.countAll<number>().as('count'))
      .executeTakeFirstOrThrow()
    counts[table] = Number(row.count)
  }
  return counts
}
