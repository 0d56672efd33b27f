/** Pages that only tell something: the accessibility statement (EN 301 549), and the server's right address. */
import { html, webUrl } from './html.ts'
import { type Frame, renderPage } from './layout.ts'

export function accessibilityPage(frame: Frame): string {
  const { language } = frame
  const title = language.text('accessibility.title')
  const points = ['keyboard', 'colour', 'quiet', 'paste'] as const
  const main = html`<main class="text">
<h1>${title}</h1>
<p>${language.text('accessibility.goal')}</p>
<h2>${language.text('accessibility.how.title')}</h2>
<ul class="text">${points.map((point) => html`<li>${language.text(`accessibility.how.${point}`)}</li>`)}</ul>
<h2>${language.text('accessibility.check.title')}</h2>
<p>${language.text('accessibility.check.text')}</p>
<h2>${language.text('accessibility.tell.title')}</h2>
<p>${language.text('accessibility.tell.text')}</p>
</main>`
  return renderPage(frame, { title, main, isWide: true })
}

/** Shown where others say "HTTPS required": which address to use, and which setting makes this one right. */
export function wrongAddressPage(frame: Frame, rightAddress: string): string {
  const { language } = frame
  const title = language.text('address.title')
  const url = webUrl(rightAddress)
  const main = html`<main>
<h1>${title}</h1>
<p class="lead">${language.html('address.text', { address: html`<code dir="ltr">${rightAddress}</code>` })}</p>
<h2>${language.text('error.what')}</h2>
<p>${language.text('address.do')}</p>
${url && html`<div class="actions"><a class="button primary full" href="${url}">${language.text('address.open')}</a></div>`}
</main>`
  return renderPage(frame, { title, main })
}
