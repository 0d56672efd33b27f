import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import {
  allowInsecureRequests,
  authorizationCodeGrant,
  buildAuthorizationUrl,
  buildEndSessionUrl,
  type Configuration,
  calculatePKCECodeChallenge,
  clientCredentialsGrant,
  discovery,
  fetchUserInfo,
  randomNonce,
  randomPKCECodeVerifier,
  randomState,
  refreshTokenGrant,
  tokenIntrospection,
  tokenRevocation,
} from 'openid-client'
import { testPassword, testSecret } from '../support/realm-export.ts'
import type { UserAgent } from '../support/user-agent.ts'
import type { WholeServer } from '../support/whole-server.ts'
import { startClientServer } from './client-server.ts'

const redirectUri = 'https://wiki.example/callback'

describe('openid-client 6.8.9, as its author publishes it', () => {
  let world: WholeServer
  let wiki: Configuration
  before(async () => {
    world = await startClientServer([{ clientId: 'wiki', serviceAccount: true }])
    // the tests speak plain http on loopback, which it refuses unless told
    const options = { execute: [allowInsecureRequests] }
    wiki = await discovery(new URL(world.issuer), 'wiki', testSecret, undefined, options)
  })
  after(() => world?.[Symbol.asyncDispose]())

  async function signIn(agent: UserAgent) {
    const verifier = randomPKCECodeVerifier()
    const [state, nonce] = [randomState(), randomNonce()]
    const url = buildAuthorizationUrl(wiki, {
      redirect_uri: redirectUri,
      scope: 'openid email',
      code_challenge: await calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
      state,
      nonce,
    })
    const form = await agent.follow(await agent.get(url.href), world.issuer)
    const answered = await agent.submit(form, { username: 'alice', password: testPassword })
    const { location = '' } = await agent.follow(answered, world.issuer)
    return authorizationCodeGrant(wiki, new URL(location), {
      pkceCodeVerifier: verifier,
      expectedState: state,
      expectedNonce: nonce,
      idTokenExpected: true,
    })
  }

  test('discovers, signs in with PKCE, state, nonce and iss, and reads userinfo', async () => {
    const tokens = await signIn(world.browser())
    const claims = tokens.claims()
    assert.equal(claims?.['preferred_username'], 'alice')
    const info = await fetchUserInfo(wiki, tokens.access_token, claims?.sub ?? '')
    assert.equal(info.email, 'alice@example.org')
  })

  test('refreshes, also with the scope that it was told, and asks about tokens until one is revoked', async () => {
    const first = await signIn(world.browser())
    const second = await refreshTokenGrant(wiki, first.refresh_token ?? '', { scope: first.scope ?? '' })
    assert.equal(second.claims()?.sub, first.claims()?.sub)
    assert.equal((await tokenIntrospection(wiki, second.access_token)).active, true)
    await tokenRevocation(wiki, second.refresh_token ?? '')
    assert.equal((await tokenIntrospection(wiki, second.refresh_token ?? '')).active, false)
    await assert.rejects(refreshTokenGrant(wiki, second.refresh_token ?? ''), { error: 'invalid_grant' })
  })

  test('ends the session with the ID token, and comes back with its state', async () => {
    const agent = world.browser()
    const tokens = await signIn(agent)
    const url = buildEndSessionUrl(wiki, {
      id_token_hint: tokens.id_token ?? '',
      post_logout_redirect_uri: redirectUri,
      state: 'abc',
    })
    assert.equal((await agent.get(url.href)).location, `${redirectUri}?state=abc`)
    await assert.rejects(refreshTokenGrant(wiki, tokens.refresh_token ?? ''), {
      error: 'invalid_grant',
      error_description: 'Session not active',
    })
  })

  test('gets a token of its own by client credentials', async () => {
    const tokens = await clientCredentialsGrant(wiki)
    assert.equal((await tokenIntrospection(wiki, tokens.access_token)).active, true)
    assert.equal(tokens.refresh_token, undefined)
  })
})
