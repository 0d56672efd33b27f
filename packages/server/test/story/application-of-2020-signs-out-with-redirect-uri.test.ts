import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { createLocalJWKSet, jwtVerify } from 'jose'
import { request } from 'undici'
import { forEachDatabase } from '../support/database.ts'
import { testPassword, testSecret } from '../support/realm-export.ts'
import { startReceiver } from '../support/receiver.ts'
import { type ServerProcess, startServerProcess } from '../support/server-process.ts'
import { createUserAgent, type UserAgent } from '../support/user-agent.ts'

const site = 'https://portal.example/'
const callback = `${site}oidc/callback/`

forEachDatabase(
  'a Django application of 2020, on mozilla-django-oidc and a logout view made by hand',
  (database) => {
    test('signs in without PKCE, and its view ends the session of all applications (KL-50, KL-51, KL-52, KL-54)', async () => {
      await using receiver = await startReceiver()
      await using server = await startServerProcess({
        ...(await database.create()),
        realm: {
          clients: [
            {
              clientId: 'portal',
              redirectUri: `${site}*`,
              attributes: { 'post.logout.redirect.uris': '' },
            },
            { clientId: 'wiki', backchannelUrl: receiver.urlOf('wiki') },
          ],
        },
      })
      await using agent = createUserAgent()
      await signInAsDjangoDoes(server, agent)
      const wiki = await server.rp('wiki').signIn(agent)

      // return redirect(settings.OIDC_OP_LOGOUT_ENDPOINT + "?redirect_uri=" + request.build_absolute_uri("/"))
      const question = await agent.get(`${server.issuer}/protocol/openid-connect/logout?redirect_uri=${site}`)
      assert.equal(question.status, 200)
      assert.match(question.text, /Sign out of 2 applications/)
      assert.equal((await server.rp('wiki').refresh(wiki.refresh_token)).status, 200, 'nothing has ended yet')
      const answered = await agent.submit(question, {}, { name: 'action', value: 'all' })
      assert.deepEqual([answered.status, answered.location], [303, site])
      await receiver.until(1, { sids: [wiki.session_state] })
      assert.equal((await server.rp('wiki').refresh(wiki.refresh_token)).status, 400)
      const line = await server.untilPrinted(/.*end_session\.legacy_redirect_uri.*/)
      assert.match(line[0], /"application":"portal"/)
      assert.match(line[0], /post_logout_redirect_uri with id_token_hint or client_id/)
    })

    test('is refused as by Keycloak 26 where the operator says so, and the session lives (KL-50)', async () => {
      await using server = await startServerProcess({
        ...(await database.create()),
        realm: { clients: [{ clientId: 'portal', redirectUri: `${site}*` }] },
        env: { CURFEW_LEGACY_REDIRECT_URI: 'false' },
      })
      await using agent = createUserAgent()
      const tokens = await signInAsDjangoDoes(server, agent)
      const answer = await agent.get(`${server.issuer}/protocol/openid-connect/logout?redirect_uri=${site}`)
      assert.ok(answer.location === undefined && !answer.text.includes(`href="${site}"`))
      assert.equal((await server.rp('portal').refresh(tokens.refresh_token)).status, 200)
    })
  },
)

interface DjangoTokens {
  readonly id_token: string
  readonly access_token: string
  readonly refresh_token: string
}

/** OIDCAuthenticationRequestView, the sign-in page, OIDCAuthenticationCallbackView, OIDCAuthenticationBackend. */
async function signInAsDjangoDoes(server: ServerProcess, agent: UserAgent): Promise<DjangoTokens> {
  const base = `${server.issuer}/protocol/openid-connect`
  const [state, nonce] = [randomBytes(16).toString('hex'), randomBytes(16).toString('hex')]
  const asked = new URLSearchParams({
    response_type: 'code',
    scope: 'openid email',
    client_id: 'portal',
    redirect_uri: callback,
    state,
    nonce,
  })
  const page = await agent.follow(await agent.get(`${base}/auth?${asked}`), server.issuer)
  const signedIn = await agent.submit(page, { username: 'alice', password: testPassword })
  const back = new URL((await agent.follow(signedIn, server.issuer)).location ?? '')
  assert.equal(back.searchParams.get('state'), state)
  const answer = await request(`${base}/token`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams({
      client_id: 'portal',
      client_secret: testSecret,
      grant_type: 'authorization_code',
      code: back.searchParams.get('code') ?? '',
      redirect_uri: callback,
    }).toString(),
  })
  assert.equal(answer.statusCode, 200)
  const tokens = (await answer.body.json()) as DjangoTokens
  const certs = await (await request(`${base}/certs`)).body.json()
  const { payload } = await jwtVerify(
    tokens.id_token,
    createLocalJWKSet(certs as Parameters<typeof createLocalJWKSet>[0]),
    { algorithms: ['RS256'] },
  )
  assert.equal(payload['nonce'], nonce)
  const userinfo = await request(`${base}/userinfo`, {
    headers: { authorization: `Bearer ${tokens.access_token}` },
  })
  assert.equal(((await userinfo.body.json()) as { email: string }).email, 'alice@example.org')
  return tokens
}
