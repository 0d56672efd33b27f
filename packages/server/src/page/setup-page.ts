/** The first administrator, by a link that works once (experience.md §4.1). */
import { type Html, html, type SafeUrl } from './html.ts'
import { type Frame, renderPage } from './layout.ts'

/** ASVS 5.0 6.2.1: at least 8 characters. */
export const passwordLengthMin = 8

export type SetupProblem =
  | 'ticketWrong'
  | 'usernameWrong'
  | 'usernameTaken'
  | 'emailWrong'
  | 'passwordShort'
  | 'passwordCommon'

export interface SetupPage {
  readonly action: SafeUrl
  /** Absent: the page asks for the ticket first. */
  readonly values?:
    | { readonly organisation: string; readonly username: string; readonly email: string }
    | undefined
  readonly problem?: SetupProblem | undefined
}

export function setupPage(frame: Frame, page: SetupPage): string {
  const { language } = frame
  const title = language.text('setup.title')
  const problem = page.problem && language.text(`setup.${page.problem}`, { count: passwordLengthMin })
  const main = html`<main>
<h1>${title}</h1>
<p class="lead">${language.text('setup.text')}</p>
${problem && html`<div class="note alert" id="problem" role="alert" tabindex="-1" autofocus>${problem}</div>`}
${page.values ? accountForm(frame, page, page.values) : ticketForm(frame, page)}
</main>`
  return renderPage(frame, { title, main })
}

function ticketForm({ language }: Frame, page: SetupPage): Html {
  return html`<form method="post" action="${page.action}">
<div class="field"><label for="ticket">${language.text('setup.ticket')}</label>
<input id="ticket" name="ticket" type="text" dir="ltr" autocomplete="one-time-code" autocapitalize="characters" spellcheck="false" maxlength="64" required aria-describedby="ticket-hint"${!page.problem && html` autofocus`}>
<p class="hint" id="ticket-hint">${language.text('setup.ticketHint')}</p></div>
<button class="button primary full">${language.text('setup.go')}</button>
</form>`
}

function accountForm({ language }: Frame, page: SetupPage, values: NonNullable<SetupPage['values']>): Html {
  const wrong = (...problems: readonly SetupProblem[]): Html | false =>
    page.problem !== undefined && problems.includes(page.problem) && html` aria-invalid="true"`
  return html`<form method="post" action="${page.action}">
<div class="field"><label for="organisation">${language.text('setup.organisation')}</label>
<input id="organisation" name="organisation" type="text" dir="auto" value="${values.organisation}" autocomplete="organization" maxlength="100" aria-describedby="organisation-hint">
<p class="hint" id="organisation-hint">${language.text('setup.organisationHint')}</p></div>
<div class="field"><label for="username">${language.text('setup.username')}</label>
<input id="username" name="username" type="text" dir="auto" value="${values.username}" autocomplete="username" autocapitalize="none" spellcheck="false" maxlength="255" required${wrong('usernameWrong', 'usernameTaken')}></div>
<div class="field"><label for="email">${language.text('setup.email')}</label>
<input id="email" name="email" type="email" dir="ltr" value="${values.email}" autocomplete="email" maxlength="255"${wrong('emailWrong')}></div>
<div class="field"><label for="password">${language.text('setup.password')}</label>
<input id="password" name="password" type="password" autocomplete="new-password" maxlength="1024" required aria-describedby="password-hint"${wrong('passwordShort', 'passwordCommon')}>
<p class="hint" id="password-hint">${language.text('setup.passwordHint', { count: passwordLengthMin })}</p></div>
<button class="button primary full">${language.text('setup.submit')}</button>
</form>`
}

export function setupDonePage(frame: Frame, done: { account: string; next: SafeUrl }): string {
  const { language } = frame
  const title = language.text('setup.doneTitle')
  const main = html`<main>
<h1 tabindex="-1" autofocus>${title}</h1>
<p class="lead">${language.html('setup.doneText', { account: html`<strong><bdi>${done.account}</bdi></strong>` })}</p>
<div class="actions"><a class="button primary full" href="${done.next}">${language.text('setup.go')}</a></div>
</main>`
  return renderPage(frame, { title, main })
}
