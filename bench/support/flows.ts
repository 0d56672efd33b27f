/** The protocol's operations as an application performs them, on kept-alive connections. */
import { createHash, randomBytes } from 'node:crypto'
import { Pool } from 'undici'

export interface Endpoints {
  readonly authorization: string
  readonly token: string
  readonly introspection: string
  readonly userinfo: string
  readonly logout: string
}

export interface Answer {
  readonly status: number
  readonly location: string | undefined
  readonly cookies: readonly string[]
  readonly text: string
}

export interface Http extends AsyncDisposable {
  send(
    method: 'GET' | 'POST',
    path: string,
    options?: { body?: URLSearchParams; cookie?: string; bearer?: string },
  ): Promise<Answer>
}

export function createHttp(base: string, connections: number): Http {
  const pool = new Pool(new URL(base).origin, { connections, pipelining: 1 })
  return {
    async send(method, path, { body, cookie, bearer } = {}) {
      const answer = await pool.request({
        method,
        path,
        body: body?.toString() ?? null,
        headers: {
          ...(body ? { 'content-type': 'application/x-www-form-urlencoded' } : {}),
          ...(cookie ? { cookie } : {}),
          ...(bearer ? { authorization: `Bearer ${bearer}` } : {}),
        },
      })
      const location = answer.headers['location']
      return {
        status: answer.statusCode,
        location: typeof location === 'string' ? location : undefined,
        cookies: [answer.headers['set-cookie'] ?? []].flat(),
        text: await answer.body.text(),
      }
    },
    [Symbol.asyncDispose]: () => pool.close(),
  }
}

export interface Client {
  readonly clientId: string
  readonly secret: string
  readonly redirectUri: string
}

export interface Tokens {
  readonly access_token: string
  readonly refresh_token: string
  readonly id_token: string
}

export async function discover(http: Http, issuerPath: string): Promise<Endpoints> {
  const { text } = await http.send('GET', `${issuerPath}/.well-known/openid-configuration`)
  const found = JSON.parse(text) as Record<string, string>
  const path = (name: string): string => (found[name] ? new URL(found[name]).pathname : '')
  return {
    authorization: path('authorization_endpoint'),
    token: path('token_endpoint'),
    introspection: path('introspection_endpoint'),
    userinfo: path('userinfo_endpoint'),
    logout: path('end_session_endpoint'),
  }
}

/** One authorization request and one token request, in a browser that is signed in (its cookies are given). */
export async function codeFlow(
  http: Http,
  endpoints: Endpoints,
  client: Client,
  cookie: string,
): Promise<Tokens> {
  const verifier = randomBytes(32).toString('base64url')
  const answer = await http.send(
    'GET',
    `${endpoints.authorization}?${authorizationParameters(client, verifier)}`,
    { cookie },
  )
  const code = answer.location ? new URL(answer.location).searchParams.get('code') : null
  if (!code) throw new Error(`no code: ${answer.status} ${answer.location} ${answer.text.slice(0, 300)}`)
  return exchangeCode(http, endpoints, client, code, verifier)
}

export function authorizationParameters(client: Client, verifier: string): URLSearchParams {
  return new URLSearchParams({
    response_type: 'code',
    client_id: client.clientId,
    redirect_uri: client.redirectUri,
    scope: 'openid profile email',
    state: 'bench',
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
  })
}

export async function exchangeCode(
  http: Http,
  endpoints: Endpoints,
  client: Client,
  code: string,
  verifier: string,
): Promise<Tokens> {
  return tokenRequest(http, endpoints, client, {
    grant_type: 'authorization_code',
    code,
    redirect_uri: client.redirectUri,
    code_verifier: verifier,
  })
}

export async function tokenRequest(
  http: Http,
  endpoints: Endpoints,
  client: Client,
  fields: Readonly<Record<string, string>>,
): Promise<Tokens> {
  const body = new URLSearchParams({ client_id: client.clientId, client_secret: client.secret, ...fields })
  const { status, text } = await http.send('POST', endpoints.token, { body })
  if (status !== 200) throw new Error(`token request: ${status} ${text.slice(0, 300)}`)
  return JSON.parse(text) as Tokens
}

/** Keeps cookies by name over several answers. */
export function createJar(): { keep(answer: Answer): void; header(): string } {
  const cookies = new Map<string, string>()
  return {
    keep(answer) {
      for (const line of answer.cookies) {
        const pair = line.split(';')[0] ?? ''
        const at = pair.indexOf('=')
        const value = pair.slice(at + 1)
        if (value === '' || /max-age=0|expires=Thu, 01 Jan 1970/i.test(line))
          cookies.delete(pair.slice(0, at))
        else cookies.set(pair.slice(0, at), value)
      }
    },
    header: () => [...cookies].map(([name, value]) => `${name}=${value}`).join('; '),
  }
}
