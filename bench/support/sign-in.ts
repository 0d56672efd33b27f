/** Signs a browser in once, through whatever pages the server shows. Returns its cookies. */
import { authorizationParameters, type Client, createJar, type Endpoints, type Http } from './flows.ts'

const stepCountMax = 10

export async function signInBrowser(
  http: Http,
  endpoints: Endpoints,
  client: Client,
  person: { readonly username: string; readonly password: string },
): Promise<string> {
  const jar = createJar()
  let answer = await http.send(
    'GET',
    `${endpoints.authorization}?${authorizationParameters(client, 'v'.repeat(43))}`,
  )
  let here = endpoints.authorization
  for (let step = 0; step < stepCountMax; step++) {
    jar.keep(answer)
    if (answer.location?.startsWith(client.redirectUri)) return jar.header()
    if (answer.location) {
      const next = new URL(answer.location, 'http://here')
      here = next.pathname + next.search
      answer = await http.send('GET', here, { cookie: jar.header() })
    } else {
      const { action, fields } = readForm(answer.text, here)
      const body = new URLSearchParams({ ...fields, username: person.username, password: person.password })
      answer = await http.send('POST', action, { body, cookie: jar.header() })
    }
  }
  throw new Error(`not signed in after ${stepCountMax} steps: ${answer.status} ${answer.text.slice(0, 300)}`)
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
