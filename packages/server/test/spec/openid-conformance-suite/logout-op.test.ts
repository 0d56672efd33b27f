/**
 * Twins of the modules of the plans about sign-out (protocols.md §8.1), each named by its module. As the suite
 * does, they ask by GET, with a hint and without `client_id`; a redirect must keep 128 characters of state.
 */
import assert from 'node:assert/strict'
import { randomInt } from 'node:crypto'
import { after, before, test } from 'node:test'
import { createRemoteJWKSet, generateKeyPair, jwtVerify, SignJWT, UnsecuredJWT } from 'jose'
import { request } from 'undici'
import { basicOp, type Flow } from '../../support/basic-op.ts'
import { forEachDatabase } from '../../support/database.ts'
import { type Receiver, startReceiver } from '../../support/receiver.ts'
import type { Page } from '../../support/user-agent.ts'
import { startWholeServer, type WholeServer } from '../../support/whole-server.ts'

const callback = 'https://suite.example/test/a/curfew/callback'
const back = 'https://suite.example/test/a/curfew/post_logout_redirect'
const logoutEvent = 'http://schemas.openid.net/event/backchannel-logout'

forEachDatabase('openid conformance suite: the plans about sign-out', (database) => {
  let receiver: Receiver
  let world: WholeServer
  let op: ReturnType<typeof basicOp>
  before(async () => {
    receiver = await startReceiver()
    world = await startWholeServer(database, {
      clients: [
        {
          clientId: 'suite-1',
          redirectUri: callback,
          backchannelUrl: receiver.urlOf('suite-1'),
          attributes: { 'post.logout.redirect.uris': back },
        },
      ],
    })
    op = basicOp(world, 'suite-1', callback)
  })
  after(async () => {
    await world?.[Symbol.asyncDispose]()
    await receiver?.[Symbol.asyncDispose]()
  })

  type Changes = Readonly<Record<string, string | undefined>>

  /** Signs in, then asks for the sign-out with the parameters of the happy path, changed. */
  async function signOut(changes: (flow: Flow) => Changes | Promise<Changes>): Promise<SignOut> {
    const flow = await op.flow()
    world.pass(2000)
    const state = visibleAscii(128)
    const parameters = {
      id_token_hint: String(flow.tokens['id_token']),
      post_logout_redirect_uri: back,
      state,
      ...(await changes(flow)),
    }
    const sent = Object.entries(parameters).filter(
      (entry): entry is [string, string] => entry[1] !== undefined,
    )
    const page = await flow.agent.get(`${op.base}/logout?${new URLSearchParams(sent)}`)
    return { flow, state, page }
  }
  interface SignOut {
    readonly flow: Flow
    readonly state: string
    readonly page: Page
  }

  /** `prompt=none` afterwards, as the suite asks. */
  async function isSignedOut({ flow }: SignOut): Promise<boolean> {
    const { response } = await op.authorize({ prompt: 'none' }, flow.agent)
    return response.get('error') === 'login_required'
  }

  async function confirm({ flow, page }: SignOut): Promise<Page> {
    const answered = await flow.agent.submit(page, {}, { name: 'action', value: 'all' })
    return flow.agent.follow(answered, world.issuer)
  }

  for (const module of [
    'oidcc-rp-initiated-logout-discovery-endpoint-verification',
    'oidcc-backchannel-logout-discovery-endpoint-verification',
    'oidcc-frontchannel-logout-discovery-endpoint-verification',
    'oidcc-session-management-discovery-endpoint-verification',
  ]) {
    test(`${module}: end_session_endpoint and what the plan asks for`, async () => {
      const answer = await request(`${world.issuer}/.well-known/openid-configuration`)
      const discovery = (await answer.body.json()) as Record<string, unknown>
      for (const endpoint of ['end_session_endpoint', 'check_session_iframe'])
        assert.ok(String(discovery[endpoint]).startsWith(`${world.issuer}/`), endpoint)
      for (const flag of ['backchannel', 'frontchannel']) {
        assert.equal(discovery[`${flag}_logout_supported`], true)
        assert.equal(discovery[`${flag}_logout_session_supported`], true)
      }
    })
  }

  test('oidcc-rp-initiated-logout: back to the application with the state as it was, and nobody is signed in', async () => {
    const done = await signOut(() => ({}))
    const location = new URL(done.page.location ?? '')
    assert.equal(location.origin + location.pathname, back)
    assert.deepEqual([...location.searchParams], [['state', done.state]])
    assert.equal(await isSignedOut(done), true)
  })

  test('oidcc-rp-initiated-logout-no-state: back without a state', async () => {
    const done = await signOut(() => ({ state: undefined }))
    assert.equal(done.page.location, back)
    assert.equal(await isSignedOut(done), true)
  })

  for (const [module, words, changes] of [
    [
      'oidcc-rp-initiated-logout-bad-post-logout-redirect-uri',
      /not registered/,
      () => ({ post_logout_redirect_uri: `${back}/foo` }),
    ],
    [
      'oidcc-rp-initiated-logout-query-added-to-post-logout-redirect-uri',
      /not registered/,
      () => ({ post_logout_redirect_uri: `${back}?foo=bar` }),
    ],
    [
      'oidcc-rp-initiated-logout-modified-id-token-hint',
      /proof of your sign-in that we cannot accept/,
      ({ idToken }: Flow) => ({ id_token_hint: new UnsecuredJWT(idToken).encode() }),
    ],
    [
      'oidcc-rp-initiated-logout-bad-id-token-hint',
      /proof of your sign-in that we cannot accept/,
      async ({ idToken }: Flow) => {
        const { privateKey } = await generateKeyPair('RS256')
        return {
          id_token_hint: await new SignJWT(idToken).setProtectedHeader({ alg: 'RS256' }).sign(privateKey),
        }
      },
    ],
    [
      'oidcc-rp-initiated-logout-no-id-token-hint',
      /neither its name nor a proof/,
      () => ({ id_token_hint: undefined }),
    ],
  ] as const) {
    test(`${module}: a page that says why, and never the address`, async () => {
      const done = await signOut(changes)
      assert.deepEqual([done.page.status, done.page.location], [400, undefined])
      assert.match(done.page.text, words)
      assert.match(done.page.text, /You are still signed in\./)
      assert.doesNotMatch(done.page.text, /suite\.example/)
      assert.equal(await isSignedOut(done), false)
      const after = await confirm(done)
      assert.doesNotMatch(after.text, /post_logout_redirect/)
      assert.equal(await isSignedOut(done), true)
    })
  }

  const nothing = { id_token_hint: undefined, post_logout_redirect_uri: undefined }
  for (const [module, changes] of [
    ['oidcc-rp-initiated-logout-no-params', { ...nothing, state: undefined }],
    ['oidcc-rp-initiated-logout-only-state', nothing],
  ] as const) {
    test(`${module}: the person is asked, signed out, told so, and not sent away`, async () => {
      const done = await signOut(() => changes)
      assert.equal(done.page.status, 200)
      const after = await confirm(done)
      assert.equal(after.location, undefined)
      assert.match(after.text, /Signed out/)
      assert.equal(await isSignedOut(done), true)
    })
  }

  test('oidcc-rp-initiated-logout-no-post-logout-redirect-uri: the person is told, and not sent away', async () => {
    const done = await signOut(() => ({ post_logout_redirect_uri: undefined }))
    const after = await done.flow.agent.follow(done.page, world.issuer)
    assert.deepEqual([after.status, after.location], [200, undefined])
    assert.match(after.text, /Signed out/)
    assert.equal(await isSignedOut(done), true)
  })

  test('oidcc-backchannel-rp-initiated-logout: a signed logout token of this session, and the way back (BCL-10–19, BCL-21)', async () => {
    const done = await signOut(() => ({}))
    assert.ok(done.page.location?.startsWith(back))
    const { idToken } = done.flow
    const [sent] = await receiver.until(1, { sids: [idToken['sid']] })
    assert.match(sent?.contentType ?? '', /^application\/x-www-form-urlencoded/)
    const keys = createRemoteJWKSet(new URL(`${op.base}/certs`))
    const { payload, protectedHeader } = await jwtVerify(String(sent?.raw), keys, {
      issuer: world.issuer,
      audience: 'suite-1',
      typ: 'logout+jwt',
    })
    assert.equal(protectedHeader.alg, 'RS256')
    assert.deepEqual([payload.sub, payload['sid']], [idToken.sub, idToken['sid']])
    assert.deepEqual(payload['events'], { [logoutEvent]: {} })
    assert.equal('nonce' in payload, false)
    assert.ok(payload.jti)
    assert.equal(Number(payload.exp) - Number(payload.iat), 120)
  })
})

/** RFC 6749 Appendix A.5: any printable character of ASCII. */
function visibleAscii(length: number): string {
  return Array.from({ length }, () => String.fromCharCode(randomInt(0x21, 0x7f))).join('')
}
