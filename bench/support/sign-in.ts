/** Signs a browser in once, through whatever pages the server shows. */
import {
  type Answer,
  authorizationParameters,
  type Client,
  createJar,
  type Endpoints,
  type Http,
} from './flows.ts'

export interface Person {
  readonly username: string
  readonly password: string
}

/** The server turns away whom it has no room for. */
export type SignedIn =
  | { readonly ok: true; readonly cookie: string }
  | { readonly ok: false; readonly status: 429 | 503 }

const stepCountMax = 10

/** Returns the browser's cookies. */
export async function signInBrowser(
  http: Http,
  endpoints: Endpoints,
  client: Client,
  person: Person,
): Promise<string> {
  const signedIn = await trySignIn(http, endpoints, client, person)
  if (!signedIn.ok) throw new Error(`turned away with ${signedIn.status}`)
  return signedIn.cookie
}

export async function trySignIn(
  http: Http,
  endpoints: Endpoints,
  client: Client,
  person: Person,
): Promise<SignedIn> {
  const jar = createJar()
  let answer = await http.send(
    'GET',
    `${endpoints.authorization}?${authorizationParameters(client, 'v'.repeat(43))}`,
  )
  let here = endpoints.authorization
  for (let step = 0; step < stepCountMax; step++) {
    jar.keep(answer)
    if (answer.status === 429 || answer.status === 503) return { ok: false, status: answer.status }
    if (answer.location?.startsWith(client.redirectUri)) return { ok: true, cookie: jar.header() }
    if (answer.location) {
      const next = new URL(answer.location, 'http://here')
      here = next.pathname + next.search
      answer = await http.send('GET', here, { cookie: jar.header() })
    } else answer = await postForm(http, answer, here, jar.header(), person)
  }
  throw new Error(`not signed in after ${stepCountMax} steps: ${answer.status} ${answer.text.slice(0, 300)}`)
}

function postForm(
  http: Http,
  page: Answer,
  here: string,
  cookie: string,
  { username, password }: Person,
): Promise<Answer> {
  const { action, fields } = readForm(page.text, here)
  const body = new URLSearchParams({ ...fields, username, password })
  return http.send('POST', action, { body, cookie })
}

function readForm(text: string, here: string): { action: string; fields: Record<string, string> } {
  const form = [...text.matchAll(/<form\b([^>]*)>([\s\S]*?)<\/form>/g)].find(([, tag = '']) =>
    /method="?post/i.test(tag),
  )
  if (!form) throw new Error(`no form at ${here}: ${text.slice(0, 300)}`)
  const fields: Record<string, string> = {}
  for (const [input] of (form[2] ?? '').matchAll(/<input\b[^>]*>/g)) {
    const name = /name="([^"]*)"/.exec(input)?.[1]
    if (name && /type="hidden"/.test(input)) fields[name] = /value="([^"]*)"/.exec(input)?.[1] ?? ''
  }
  const action = /action="([^"]*)"/.exec(form[1] ?? '')?.[1]?.replaceAll('&amp;', '&') ?? here
  const target = new URL(action, `http://here${here}`)
  return { action: target.pathname + target.search, fields }
}
