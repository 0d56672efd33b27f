/** What an application may see: who asks, what for, in sentences. Allow and Cancel weigh the same. */
import { html, type SafeUrl } from './html.ts'
import { type Frame, renderPage } from './layout.ts'

export interface ConsentPage {
  readonly action: SafeUrl
  readonly csrfToken: string
  readonly application: string
  readonly scopes: readonly string[]
}

const knownScopes = ['profile', 'email', 'address', 'phone', 'offline_access'] as const

export function consentPage(frame: Frame, page: ConsentPage): string {
  const { language } = frame
  const { application } = page
  const title = language.text('consent.title', { application })
  const items = page.scopes
    .filter((scope) => scope !== 'openid')
    .map((scope) => {
      const known = knownScopes.find((name) => name === scope)
      return html`<li>${known ? language.text(`consent.${known}`) : language.text('consent.other', { scope })}</li>
`
    })
  const main = html`<main>
<h1>${title}</h1>
<p class="lead">${language.text('consent.text', { application })}</p>
<ul class="text"><li>${language.text('consent.openid')}</li>
${items}</ul>
<form method="post" action="${page.action}">
<input type="hidden" name="csrf" value="${page.csrfToken}">
<div class="actions"><button class="button" name="action" value="allow">${language.text('consent.allow')}</button><button class="button" name="action" value="cancel">${language.text('confirm.cancel')}</button></div>
</form>
</main>`
  return renderPage(frame, { title, main })
}
