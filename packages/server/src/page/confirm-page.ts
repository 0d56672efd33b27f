/** The question before a sign-out (RIL-15, RIL-16): what will be told, and what else can be done. */
import type { Instant } from '../ambient/clock.ts'
import { type Html, html, type SafeUrl } from './html.ts'
import type { Language } from './language/language.ts'
import { type Frame, renderPage } from './layout.ts'

export interface ConfirmPage {
  readonly action: SafeUrl
  /** Bound to the session that the page shows (RIL-28). */
  readonly token: string
  /** Who is signed in here, as the person knows it; undefined where it must not be told. */
  readonly account: string | undefined
  readonly applications: readonly { readonly name: string; readonly lastActiveAt: Instant }[]
  /** Who asks; absent for a bare request. */
  readonly asking?: { readonly application: string; readonly isForSomebodyElse: boolean } | undefined
  /** The application that may be left alone (`curfew.leave.one.application`). */
  readonly leaveOne?: string | undefined
  /** Sessions of this account on other devices, besides this one. */
  readonly otherDeviceCount: number
  readonly isAskedAgain?: boolean
}

export function confirmPage(frame: Frame, page: ConfirmPage, at: Instant): string {
  const { language } = frame
  const count = page.applications.length
  const title = language.text('confirm.title', { count })
  const main = html`<main>
<h1>${title}</h1>
<p class="lead">${account(frame, page)}${asking(frame, page)}</p>
${page.isAskedAgain && html`<p class="note" role="status">${language.text('confirm.expired')}</p>`}
${count > 0 && list(frame, page, at)}
<form method="post" action="${page.action}">
<input type="hidden" name="token" value="${page.token}">
<div class="stack">
<button class="button primary full" name="action" value="all">${language.text('confirm.all', { count })}</button>
${leaveOne(frame, page)}${
  page.otherDeviceCount > 0 &&
  html`<button class="button quiet full" name="action" value="devices">${language.text('confirm.devices', { count: page.otherDeviceCount + 1 })}</button>
`
}<button class="button quiet full" name="action" value="cancel">${language.text('confirm.cancel')}</button>
</div>
</form>
</main>`
  return renderPage(frame, { title, main })
}

function account({ language }: Frame, { account }: ConfirmPage): Html | undefined {
  if (account === undefined) return undefined
  return html`${language.html('confirm.account', { account: html`<strong><bdi>${account}</bdi></strong>` })} `
}

function asking({ language }: Frame, { asking }: ConfirmPage): string | undefined {
  if (!asking) return undefined
  return language.text(asking.isForSomebodyElse ? 'confirm.other' : 'confirm.asked', {
    application: asking.application,
  })
}

/** The applications used last; a longer list would hide the buttons. */
const shownCountMax = 20

function list({ language }: Frame, page: ConfirmPage, at: Instant): Html {
  const byUse = page.applications.toSorted((a, b) => b.lastActiveAt - a.lastActiveAt)
  const hiddenCount = byUse.length - shownCountMax
  const rows = byUse.slice(0, shownCountMax).map(
    ({
      name,
      lastActiveAt,
    }) => html`<li><span class="letter" aria-hidden="true">${[...name][0]?.toUpperCase()}</span><b>${name}</b><small>${usedText(language, lastActiveAt, at)}</small></li>
`,
  )
  return html`<ul class="rows" aria-label="${language.text('confirm.applications')}">
${rows}</ul>${hiddenCount > 0 && html`<p class="hint">${language.text('confirm.more', { count: hiddenCount })}</p>`}`
}

function usedText(language: Language, lastActiveAt: Instant, at: Instant): string {
  const isNow = at - lastActiveAt < 60_000
  return isNow
    ? language.text('confirm.usedNow')
    : language.text('confirm.used', { when: language.ago(lastActiveAt, at) })
}

function leaveOne({ language }: Frame, page: ConfirmPage): Html | undefined {
  const others = page.applications.length - 1
  if (!page.leaveOne || others < 1) return undefined
  const application = page.leaveOne
  return html`<button class="button full" name="action" value="one" aria-describedby="one-note">${language.text('confirm.only', { application })}</button>
<p class="hint" id="one-note">${language.text('confirm.only.note', { application, others })}</p>
`
}
