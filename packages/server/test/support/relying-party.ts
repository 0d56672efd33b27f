/** An application as the protocol sees it: authorization code flow with PKCE, refresh, sign-out, in a given browser. */
import { createHash, randomBytes } from 'node:crypto'
import { request } from 'undici'
import { testPassword, testSecret } from './realm-export.ts'
import type { Page, UserAgent } from './user-agent.ts'

export interface Tokens {
  readonly access_token: string
  readonly refresh_token: string
  readonly id_token: string
  readonly session_state: string
  readonly expires_in: number
}

export interface TokenAnswer {
  readonly status: number
  readonly body: Partial<Tokens> & { readonly error?: string; readonly error_description?: string }
}

export interface RelyingParty {
  readonly clientId: string
  readonly redirectUri: string
  /** The authorization request of a new attempt. */
  authorizationUrl(extra?: Record<string, string>): string
  /** Signs the browser in, through the sign-in page where there is one, and exchanges the code. */
  signIn(agent: UserAgent, username?: string, extra?: Record<string, string>): Promise<Tokens>
  /** Signs the browser in and stops before the exchange: the address with the code. */
  obtainCode(agent: UserAgent, username?: string, extra?: Record<string, string>): Promise<string>
  exchange(callback: string): Promise<TokenAnswer>
  refresh(refreshToken: string): Promise<TokenAnswer>
  post(path: string, fields: Record<string, string>): Promise<TokenAnswer>
  logoutUrl(parameters?: Record<string, string>): string
}

export interface RelyingPartyOptions {
  readonly issuer: string
  readonly clientId: string
  readonly redirectUri?: string
  /** Empty for a public client. */
  readonly secret?: string
}

export function relyingParty(options: RelyingPartyOptions): RelyingParty {
  const { issuer, clientId, secret = testSecret } = options
  const redirectUri = options.redirectUri ?? `https://${clientId}.example/callback`
  const base = `${issuer}/protocol/openid-connect`
  const credentials: Record<string, string> = secret === '' ? {} : { client_secret: secret }
  const verifiers = new Map<string, string>()

  const post = async (path: string, fields: Record<string, string>): Promise<TokenAnswer> => {
    const answer = await request(`${base}/${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded', accept: 'application/json' },
      body: new URLSearchParams({ client_id: clientId, ...credentials, ...fields }).toString(),
    })
    const text = await answer.body.text()
    return { status: answer.statusCode, body: text ? JSON.parse(text) : {} }
  }

  const rp: RelyingParty = {
    clientId,
    redirectUri,
    post,
    authorizationUrl(extra = {}) {
      const state = randomBytes(12).toString('base64url')
      const verifier = randomBytes(32).toString('base64url')
      verifiers.set(state, verifier)
      const parameters = new URLSearchParams({
        response_type: 'code',
        client_id: clientId,
        redirect_uri: redirectUri,
        scope: 'openid profile email',
        state,
        code_challenge: createHash('sha256').update(verifier).digest('base64url'),
        code_challenge_method: 'S256',
        ...extra,
      })
      return `${base}/auth?${parameters}`
    },
    async obtainCode(agent, username = 'alice', extra = {}) {
      const page = await passSignIn(agent, await agent.get(rp.authorizationUrl(extra)), issuer, username)
      if (!page.location?.startsWith(redirectUri)) {
        throw new Error(
          `no way back to ${clientId}: ${page.status} ${page.url} ${page.location ?? page.text.slice(0, 600)}`,
        )
      }
      return page.location
    },
    async signIn(agent, username, extra) {
      const answer = await rp.exchange(await rp.obtainCode(agent, username, extra))
      if (answer.status !== 200) throw new Error(`the code was refused: ${JSON.stringify(answer)}`)
      return answer.body as Tokens
    },
    async exchange(callback) {
      const query = new URL(callback).searchParams
      const verifier = verifiers.get(query.get('state') ?? '')
      return post('token', {
        grant_type: 'authorization_code',
        code: query.get('code') ?? '',
        redirect_uri: redirectUri,
        ...(verifier ? { code_verifier: verifier } : {}),
      })
    },
    refresh: (refreshToken) => post('token', { grant_type: 'refresh_token', refresh_token: refreshToken }),
    logoutUrl: (parameters = {}) => `${base}/logout?${new URLSearchParams(parameters)}`,
  }
  return rp
}

export async function passSignIn(
  agent: UserAgent,
  first: Page,
  issuer: string,
  username: string,
): Promise<Page> {
  const page = await agent.follow(first, issuer)
  if (page.location !== undefined) return page
  const answered = await agent.submit(page, { username, password: testPassword })
  return agent.follow(answered, issuer)
}
