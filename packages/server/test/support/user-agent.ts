/** A person's browser without the pictures: cookies, forms and redirects, one step at a time. */
import { Agent, request } from 'undici'

export interface Page {
  readonly url: string
  readonly status: number
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>
  readonly text: string
  /** Absolute target of a redirect. */
  readonly location: string | undefined
}

export interface Form {
  readonly action: string
  readonly method: string
  readonly fields: Record<string, string>
}

export interface UserAgent extends AsyncDisposable {
  get(url: string, headers?: Record<string, string>): Promise<Page>
  post(url: string, fields: Record<string, string>, headers?: Record<string, string>): Promise<Page>
  /** Follows redirects until one points outside `stayWithin`, or a page is reached. */
  follow(page: Page, stayWithin: string): Promise<Page>
  submit(
    page: Page,
    fields: Record<string, string>,
    submitter?: { name: string; value: string },
  ): Promise<Page>
  cookie(name: string): string | undefined
  readonly cookies: Map<string, string>
}

const redirectCountMax = 20

/**
 * Cookies are kept by name alone, as a browser with one host and no ports would.
 * @param localAddress of loopback, for people who come from different places
 */
export function createUserAgent(localAddress?: string): UserAgent {
  const cookies = new Map<string, string>()
  const agent = new Agent({ keepAliveTimeout: 1000, ...(localAddress ? { connect: { localAddress } } : {}) })

  async function send(
    url: string,
    method: 'GET' | 'POST',
    body: string | null,
    extra: Record<string, string>,
  ): Promise<Page> {
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    const answer = await request(url, {
      method,
      body,
      dispatcher: agent,
      headers: {
        accept: 'text/html,application/xhtml+xml,*/*;q=0.8',
        'user-agent': 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0',
        ...(cookie ? { cookie } : {}),
        ...(body === null ? {} : { 'content-type': 'application/x-www-form-urlencoded' }),
        ...extra,
      },
    })
    for (const line of [answer.headers['set-cookie'] ?? []].flat()) keepCookie(cookies, line)
    const location = answer.headers['location']
    return {
      url,
      status: answer.statusCode,
      headers: answer.headers,
      text: await answer.body.text(),
      location: typeof location === 'string' ? new URL(location, url).href : undefined,
    }
  }

  const userAgent: UserAgent = {
    cookies,
    cookie: (name) => cookies.get(name),
    get: (url, headers = {}) => send(url, 'GET', null, headers),
    post: (url, fields, headers = {}) => send(url, 'POST', new URLSearchParams(fields).toString(), headers),
    async follow(page, stayWithin) {
      let here = page
      for (let step = 0; here.location?.startsWith(stayWithin); step++) {
        if (step > redirectCountMax)
          throw new Error(`more than ${redirectCountMax} redirects: ${here.location}`)
        here = await userAgent.get(here.location)
      }
      return here
    },
    submit(page, fields, submitter) {
      const form = readForm(page)
      const sent = { ...form.fields, ...fields, ...(submitter ? { [submitter.name]: submitter.value } : {}) }
      return form.method === 'post'
        ? userAgent.post(form.action, sent)
        : userAgent.get(`${form.action}?${new URLSearchParams(sent)}`)
    },
    [Symbol.asyncDispose]: () => agent.close(),
  }
  return userAgent
}

function keepCookie(cookies: Map<string, string>, line: string): void {
  const [pair = '', ...attributes] = line.split(';').map((part) => part.trim())
  const at = pair.indexOf('=')
  const name = pair.slice(0, at)
  const isGone = attributes.some((attribute) => {
    const [key = '', value = ''] = attribute.split('=')
    if (/^max-age$/i.test(key)) return Number(value) <= 0
    return /^expires$/i.test(key) && Date.parse(value) <= Date.now()
  })
  if (isGone) cookies.delete(name)
  else cookies.set(name, pair.slice(at + 1))
}

/** The first form of a page that is not a language switch, with its hidden and prefilled fields. */
export function readForm(page: Page): Form {
  const forms = [...page.text.matchAll(/<form\b([^>]*)>([\s\S]*?)<\/form>/g)]
  const found = forms.find(([, attributes = '']) => /method="?post/i.test(attributes)) ?? forms[0]
  if (!found) throw new Error(`no form at ${page.url} (${page.status}): ${page.text.slice(0, 500)}`)
  const [, attributes = '', inner = ''] = found
  const fields: Record<string, string> = {}
  for (const [tag] of inner.matchAll(/<input\b[^>]*>/g)) {
    const name = attributeOf(tag, 'name')
    const type = attributeOf(tag, 'type') ?? 'text'
    const isChosen = !/^(checkbox|radio)$/.test(type) || /\schecked\b/.test(tag)
    if (name && isChosen && type !== 'submit') fields[name] = attributeOf(tag, 'value') ?? ''
  }
  return {
    action: new URL(attributeOf(attributes, 'action') ?? page.url, page.url).href,
    method: (attributeOf(attributes, 'method') ?? 'get').toLowerCase(),
    fields,
  }
}

function attributeOf(tag: string, name: string): string | undefined {
  const found = new RegExp(`\\s${name}="([^"]*)"`, 'i').exec(` ${tag}`)
  return found?.[1]
    ?.replaceAll('&quot;', '"')
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&amp;', '&')
    .replaceAll('&#39;', "'")
}
