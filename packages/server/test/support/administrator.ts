/** An administrator with curl: a token by password at `admin-cli` in `master`, and calls of the admin API. */
import { request } from 'undici'

export const adminName = 'root'
export const adminPassword = 'a password of the administrator'

/** The environment in which a server makes this administrator at its first start. */
export const adminEnvironment = {
  KC_BOOTSTRAP_ADMIN_USERNAME: adminName,
  KC_BOOTSTRAP_ADMIN_PASSWORD: adminPassword,
}

export interface AdminAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  // biome-ignore lint/suspicious/noExplicitAny: tests read members of whatever came
  readonly body: any
}

export interface Administrator {
  readonly token: string
  /** `path` below `/admin/realms/`. */
  get(path: string): Promise<AdminAnswer>
  post(path: string, body?: unknown): Promise<AdminAnswer>
  delete(path: string): Promise<AdminAnswer>
}

export async function signInAsAdministrator(url: string): Promise<Administrator> {
  const { status, body } = await answerOf(`${url}/realms/master/protocol/openid-connect/token`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams({
      grant_type: 'password',
      client_id: 'admin-cli',
      username: adminName,
      password: adminPassword,
    }).toString(),
  })
  if (status !== 200) throw new Error(`no token for the administrator: ${status} ${JSON.stringify(body)}`)
  const token = body.access_token as string
  const call = (method: 'GET' | 'POST' | 'DELETE', path: string, sent?: unknown): Promise<AdminAnswer> =>
    answerOf(`${url}/admin/realms/${path}`, {
      method,
      headers: {
        authorization: `Bearer ${token}`,
        ...(sent === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(sent === undefined ? {} : { body: JSON.stringify(sent) }),
    })
  return {
    token,
    get: (path) => call('GET', path),
    post: (path, body) => call('POST', path, body),
    delete: (path) => call('DELETE', path),
  }
}

async function answerOf(
  url: string,
  options: { method: 'GET' | 'POST' | 'DELETE'; headers: Record<string, string>; body?: string },
): Promise<AdminAnswer> {
  const answer = await request(url, options)
  const text = await answer.body.text()
  return { status: answer.statusCode, headers: answer.headers, body: text ? JSON.parse(text) : undefined }
}
