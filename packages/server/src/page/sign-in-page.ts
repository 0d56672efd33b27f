/** The sign-in page: no script, nothing that tells whether an account exists, and what was typed stays (WCAG 3.3.7). */
import { type EndedPageKind, endedSentence } from './ended-page.ts'
import { type Html, html, type SafeUrl } from './html.ts'
import { type Frame, renderPage } from './layout.ts'

export type SignInProblem =
  | { readonly kind: 'missing' | 'invalid' | 'disabled' | 'expired' }
  | { readonly kind: 'throttled' | 'busy'; readonly waitSeconds: number }

export interface SignInPage {
  readonly action: SafeUrl
  readonly csrfToken: string
  /** The application's name; absent for a sign-in without one. */
  readonly application?: string | undefined
  /** From the request (`login_hint`) or from the try before. */
  readonly login: string
  readonly withEmail: boolean
  /** undefined = the realm does not offer it. */
  readonly rememberMe: boolean | undefined
  /** The application asks to see the person again (`prompt=login`, `max_age`). */
  readonly isAgain?: boolean
  /** How the session before ended, where the person did not end it. */
  readonly ended?: EndedPageKind | undefined
  readonly problem?: SignInProblem | undefined
}

export function signInPage(frame: Frame, page: SignInPage): string {
  const { language } = frame
  const { problem } = page
  const isWrong = problem?.kind === 'invalid' || problem?.kind === 'missing'
  const invalid = isWrong && html` aria-invalid="true" aria-describedby="problem"`
  const focusLogin = !problem && page.login === '' && html` autofocus`
  const focusPassword = !problem && page.login !== '' && html` autofocus`
  const main = html`<main>
<h1>${language.text('signIn.title')}</h1>
${lead(frame, page)}
${page.ended && !problem && html`<div class="note" role="status"><p><strong>${language.text('ended.title')}</strong></p><p>${endedSentence(frame, page.ended)}</p></div>`}${problem && html`<div class="note alert" id="problem" role="alert" tabindex="-1" autofocus>${problemText(frame, problem)}</div>`}
<form method="post" action="${page.action}">
<input type="hidden" name="csrf" value="${page.csrfToken}">
<div class="field"><label for="username">${language.text(page.withEmail ? 'signIn.login' : 'signIn.username')}</label>
<input id="username" name="username" value="${page.login}" type="text" dir="auto" autocomplete="username" autocapitalize="none" autocorrect="off" spellcheck="false" maxlength="255" required${focusLogin}${invalid}></div>
<div class="field"><label for="password">${language.text('signIn.password')}</label>
<input id="password" name="password" type="password" autocomplete="current-password" maxlength="1024" required${focusPassword}${invalid}></div>
${rememberMe(frame, page)}<button class="button primary full">${language.text('signIn.submit')}</button>
</form>
</main>`
  return renderPage(frame, { title: language.text('signIn.title'), main })
}

function lead({ language }: Frame, page: SignInPage): Html | undefined {
  if (!page.application) return undefined
  const application = html`<strong>${page.application}</strong>`
  return html`<p class="lead">${language.html(page.isAgain ? 'signIn.again' : 'signIn.to', { application })}</p>`
}

function rememberMe({ language }: Frame, page: SignInPage): Html | undefined {
  if (page.rememberMe === undefined) return undefined
  const checked = page.rememberMe && html` checked`
  return html`<label class="check"><input type="checkbox" name="rememberMe" value="on"${checked}>${language.text('signIn.remember')}</label>
`
}

function problemText({ language }: Frame, problem: SignInProblem): string {
  switch (problem.kind) {
    case 'missing':
      return language.text('signIn.missing')
    case 'invalid':
      return language.text('signIn.invalid')
    case 'disabled':
      return language.text('signIn.disabled')
    case 'expired':
      return language.text('signIn.expired')
    case 'throttled':
      return language.text('signIn.throttled', { wait: language.duration(problem.waitSeconds) })
    case 'busy':
      return language.text('signIn.busy', { wait: language.duration(problem.waitSeconds) })
  }
}
