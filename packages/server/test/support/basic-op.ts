/**
 * What the modules of the OpenID Foundation's conformance suite do again and again: authorization, token and
 * userinfo requests with exactly the parameters that a test names, client authentication by Basic header.
 */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { decodeJwt, type JWTPayload } from 'jose'
import { request } from 'undici'
import { testSecret } from './realm-export.ts'
import { passSignIn } from './relying-party.ts'
import type { Page, UserAgent } from './user-agent.ts'
import type { WholeServer } from './whole-server.ts'

export interface Answer {
  readonly status: number
  readonly body: Record<string, unknown>
}

export interface Authorized {
  readonly agent: UserAgent
  /** Parameters of the authorization response. */
  readonly response: URLSearchParams
  /** True if the person was asked for a password. */
  readonly wasAsked: boolean
}

export interface Flow extends Authorized {
  readonly tokens: Record<string, unknown>
  readonly idToken: JWTPayload
  readonly accessToken: string
}

export function basicOp(world: WholeServer, clientId: string, redirectUri: string) {
  const base = `${world.issuer}/protocol/openid-connect`
  const basic = `Basic ${Buffer.from(`${clientId}:${testSecret}`).toString('base64')}`

  function authorizationUrl(changes: Readonly<Record<string, string | undefined>> = {}): string {
    const parameters = {
      client_id: clientId,
      redirect_uri: redirectUri,
      scope: 'openid',
      state: randomBytes(8).toString('hex'),
      nonce: randomBytes(8).toString('hex'),
      response_type: 'code',
      ...changes,
    }
    const sent = Object.entries(parameters).filter(
      (entry): entry is [string, string] => entry[1] !== undefined,
    )
    return `${base}/auth?${new URLSearchParams(sent)}`
  }

  async function finish(agent: UserAgent, first: Page): Promise<Authorized> {
    const shown = await agent.follow(first, world.issuer)
    const wasAsked = shown.location === undefined
    const page = wasAsked ? await passSignIn(agent, shown, world.issuer, 'alice') : shown
    const location = page.location ?? ''
    assert.ok(location.startsWith(redirectUri), `${page.status} ${page.url} ${page.text.slice(0, 300)}`)
    return { agent, wasAsked, response: new URL(location).searchParams }
  }

  async function post(path: string, form: Record<string, string>, authorization?: string): Promise<Answer> {
    const answer = await request(`${base}/${path}`, {
      method: 'POST',
      headers: {
        'content-type': 'application/x-www-form-urlencoded',
        ...(authorization ? { authorization } : {}),
      },
      body: new URLSearchParams(form).toString(),
    })
    return { status: answer.statusCode, body: JSON.parse(await answer.body.text()) }
  }

  const op = {
    base,
    authorizationUrl,
    finish,
    post,
    authorize: async (
      changes: Readonly<Record<string, string | undefined>> = {},
      agent = world.browser(),
    ): Promise<Authorized> => finish(agent, await agent.get(authorizationUrl(changes))),
    token: (form: Record<string, string>) => post('token', form, basic),
    exchange: (code: string, more: Record<string, string> = {}) =>
      op.token({ grant_type: 'authorization_code', code, redirect_uri: redirectUri, ...more }),
    /** Authorization, exchange, and the checks of an ID Token that every module makes. */
    async flow(
      changes: Readonly<Record<string, string | undefined>> = {},
      agent = world.browser(),
    ): Promise<Flow> {
      const nonce = 'nonce' in changes ? changes['nonce'] : randomBytes(8).toString('hex')
      const authorized = await op.authorize({ ...changes, nonce }, agent)
      const { response } = authorized
      assert.equal(response.get('error'), null, String(response))
      assert.equal(response.get('iss'), world.issuer)
      const { status, body } = await op.exchange(response.get('code') ?? '')
      assert.equal(status, 200, JSON.stringify(body))
      const idToken = decodeJwt(String(body['id_token']))
      checkIdToken(idToken, world.issuer, clientId, nonce)
      return { ...authorized, tokens: body, idToken, accessToken: String(body['access_token']) }
    },
    async userinfo(accessToken: string): Promise<Record<string, unknown>> {
      const answer = await request(`${base}/userinfo`, {
        headers: { authorization: `Bearer ${accessToken}` },
      })
      assert.equal(answer.statusCode, 200)
      return JSON.parse(await answer.body.text())
    },
  }
  return op
}

/** OpenID Connect Core 1.0 §2 and §3.1.3.7. */
function checkIdToken(claims: JWTPayload, issuer: string, clientId: string, nonce: string | undefined): void {
  const now = Date.now() / 1000
  assert.equal(claims.iss, issuer)
  assert.deepEqual([claims.aud].flat(), [clientId])
  assert.equal(claims['azp'], clientId)
  assert.ok(claims.sub && claims.sub.length <= 255 && /^[\x20-\x7e]+$/.test(claims.sub))
  assert.ok(claims.iat !== undefined && claims.exp !== undefined && claims.exp > claims.iat)
  assert.ok(claims.iat > now - 300, 'iat')
  assert.equal(claims['nonce'], nonce)
  assert.equal(typeof claims['acr'], 'string')
  assert.equal(typeof claims['auth_time'], 'number')
}
