/** A person with a browser: signs in, opens applications, signs out at the end-session endpoint. */
import { testSecret } from '../../packages/server/test/support/realm-export.ts'
import { type Client, codeFlow, type Endpoints, type Http } from './flows.ts'
import { forEachAtOnce } from './run-batch.ts'
import { type Person, signInBrowser } from './sign-in.ts'

export interface OpenedSession {
  readonly cookie: string
  /** Of the first application. */
  readonly hint: string
  readonly accessToken: string
  /** How long the sign-in took, from the first request to the way back to the application. */
  readonly signInMs: number
}

const atOnce = 8
/** The first notice waits 1 s after the answer that opened the application (SR-19). */
const settleMs = 1200

/** The application as the realm of `realmExport` has it. */
export function clientOf(clientId: string): Client {
  return { clientId, secret: testSecret, redirectUri: `https://${clientId}.example/callback` }
}

/** Opens each of the applications; resolves when their notices would leave at once. */
export async function openSession(
  http: Http,
  endpoints: Endpoints,
  clients: readonly Client[],
  person: Person,
): Promise<OpenedSession> {
  const startedAt = performance.now()
  const cookie = await signInBrowser(http, endpoints, clients[0] as Client, person)
  const signInMs = performance.now() - startedAt
  let opened = { hint: '', accessToken: '' }
  await forEachAtOnce(clients.length, atOnce, async (index) => {
    const tokens = await codeFlow(http, endpoints, clients[index] as Client, cookie)
    if (index === 0) opened = { hint: tokens.id_token, accessToken: tokens.access_token }
  })
  await new Promise((resolve) => setTimeout(resolve, settleMs))
  return { cookie, ...opened, signInMs }
}

/** Resolves with the answer, which waits a moment for the first notices. */
export async function signOut(
  http: Http,
  endpoints: Endpoints,
  { cookie, hint }: Pick<OpenedSession, 'cookie' | 'hint'>,
): Promise<void> {
  const { status, text } = await http.send('GET', `${endpoints.logout}?id_token_hint=${hint}`, { cookie })
  if (status >= 400) throw new Error(`sign-out: ${status} ${text.slice(0, 300)}`)
}
