/**
 * What every example application has beside its sign-in: settings, one page that follows the person's state, and
 * a switch to break it. Nothing here knows OpenID Connect.
 */
import { readFileSync } from 'node:fs'
import type { ServerResponse } from 'node:http'

export interface Look {
  readonly name: string
  /** What the application is for, in one line. */
  readonly tagline: string
  /** Six hexadecimal digits with `#`; dark enough for white text. */
  readonly colour: string
  /** HTML that only a signed-in person sees. */
  readonly content: string
}

export interface State {
  readonly signedIn: boolean
  readonly name: string
}

export interface ApplicationSettings {
  readonly issuer: string
  readonly clientId: string
  readonly clientSecret: string
  readonly port: number
  /** Where browsers and the server reach the application, without a trailing slash. */
  readonly baseUrl: string
}

/** From `ISSUER`, `CLIENT_ID`, `CLIENT_SECRET`, `PORT` and `BASE_URL`. */
export function applicationSettings(defaults: { clientId: string; port: number }): ApplicationSettings {
  const { ISSUER, CLIENT_ID, CLIENT_SECRET, PORT, BASE_URL } = process.env
  if (!CLIENT_SECRET)
    throw new Error('CLIENT_SECRET is not set: it is the secret of this application at the server')
  const port = Number(PORT ?? defaults.port)
  return {
    issuer: ISSUER ?? 'http://localhost:8080/realms/demo',
    clientId: CLIENT_ID ?? defaults.clientId,
    clientSecret: CLIENT_SECRET,
    port,
    baseUrl: (BASE_URL ?? `http://localhost:${port}`).replace(/\/$/, ''),
  }
}

export const breakModes = {
  working: 'answers as it should',
  silent: 'does not answer',
  refusing: 'refuses the token (400)',
  'sign-in-page': 'shows a sign-in page instead (302)',
} as const
export type BreakMode = keyof typeof breakModes

/** Breaks the receiver of sign-outs in one of the ways in which real ones break. */
export interface BreakSwitch {
  readonly mode: BreakMode
  /** False for a mode that does not exist. */
  set(mode: unknown): boolean
  /** Answers, or leaves unanswered, in place of the receiver. False when the receiver works. */
  answerInstead(response: ServerResponse): boolean
}

export function createBreakSwitch(): BreakSwitch {
  let mode: BreakMode = 'working'
  return {
    get mode() {
      return mode
    },
    set(wanted) {
      if (typeof wanted !== 'string' || !Object.hasOwn(breakModes, wanted)) return false
      mode = wanted as BreakMode
      return true
    },
    answerInstead(response) {
      switch (mode) {
        case 'working':
          return false
        case 'silent':
          return true
        case 'refusing':
          response.writeHead(400, { 'content-type': 'application/json', 'cache-control': 'no-store' })
          response.end(
            '{"error":"invalid_request","error_description":"this application was told to refuse"}',
          )
          return true
        case 'sign-in-page':
          response.writeHead(302, { location: '/sign-in' }).end()
          return true
      }
    },
  }
}

/** The demo's start page shows this application's state beside others; it alone may read it (`START_PAGE`). */
export function startPageHeaders(origin: string | undefined): Readonly<Record<string, string>> {
  if (origin === undefined || origin !== process.env['START_PAGE']) return {}
  return { 'access-control-allow-origin': origin, 'access-control-allow-credentials': 'true', vary: 'origin' }
}

/** Open pages, told to look again when a sign-out may have ended their session. */
export interface LivePages {
  join(response: ServerResponse): void
  lookAgain(): void
  close(): void
}

export function createLivePages(): LivePages {
  const pages = new Set<ServerResponse>()
  return {
    join(response) {
      const headers = { 'content-type': 'text/event-stream', 'cache-control': 'no-store' }
      response.writeHead(200, { ...headers, ...startPageHeaders(response.req.headers.origin) })
      response.write('retry: 1000\n\n')
      pages.add(response)
      response.on('close', () => pages.delete(response))
    },
    lookAgain() {
      for (const page of pages) page.write('data: look again\n\n')
    },
    close() {
      for (const page of pages) page.end()
    },
  }
}

/** Sent with every page: no script and no style but the two files of this folder. */
export const pageHeaders = {
  'content-type': 'text/html; charset=utf-8',
  'cache-control': 'no-store',
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; frame-ancestors 'none'",
  'referrer-policy': 'no-referrer',
} as const

const assets: Readonly<Record<string, { readonly type: string; readonly body: string }>> = {
  '/application.css': { type: 'text/css', body: readBeside('application.css') },
  '/application.js': { type: 'text/javascript', body: readBeside('page.js') },
}

/** The style, the script and the colour of the page. */
export function asset(pathname: string, look: Look): { type: string; body: string } | undefined {
  if (pathname === '/look.css') return { type: 'text/css', body: `:root { --colour: ${look.colour} }\n` }
  return assets[pathname]
}

export function page(look: Look, state: State, mode: BreakMode): string {
  const modes = Object.entries(breakModes).map(
    ([value, text]) =>
      `<label><input type="radio" name="mode" value="${value}"${value === mode ? ' checked' : ''}> ${escapeHtml(text)}</label>`,
  )
  return `<!doctype html>
<html lang="en" data-signed-in="${state.signedIn}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(look.name)}</title>
<link rel="stylesheet" href="/application.css">
<link rel="stylesheet" href="/look.css">
<script src="/application.js" defer></script>
</head>
<body>
<header><span class="mark" aria-hidden="true">${escapeHtml(look.name.slice(0, 1))}</span><h1>${escapeHtml(look.name)}</h1></header>
<main>
<p class="state" role="status"><span class="in">Signed in as <strong id="name">${escapeHtml(state.name)}</strong></span><span class="out">Signed out</span></p>
<p class="note" id="note" hidden>Your session here was ended from another place.</p>
<div class="in content">${look.content}</div>
<p class="out tagline">${escapeHtml(look.tagline)}</p>
<form class="out" action="/sign-in" method="get"><button>Sign in</button></form>
<form class="in" action="/sign-out" method="post"><button>Sign out</button></form>
</main>
<details>
<summary>Break this application</summary>
<form action="/break" method="post">
<fieldset><legend>When it is told of a sign-out, it</legend>${modes.join('')}</fieldset>
<button class="plain">Apply</button>
</form>
</details>
</body>
</html>
`
}

export function escapeHtml(text: string): string {
  const names: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' }
  return text.replace(/[&<>"]/g, (character) => names[character] ?? character)
}

function readBeside(name: string): string {
  return readFileSync(new URL(name, import.meta.url), 'utf8')
}
