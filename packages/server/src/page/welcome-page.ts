/** What the bare address of the server shows once it is set up: where one is, and where to go from here. */
import { html, type SafeUrl } from './html.ts'
import { type Frame, renderPage } from './layout.ts'

export interface WelcomePage {
  /** The public address, as applications must know it. */
  readonly address: string
  /** Discovery of realm `master`, which every server has; other realms are nobody's business here. */
  readonly discovery: SafeUrl | undefined
}

export function welcomePage(frame: Frame, page: WelcomePage): string {
  const { language } = frame
  const title = language.text('welcome.title')
  const address = html`<code dir="ltr">${page.address}</code>`
  const command = html`<code dir="ltr">curfew serve --import-realm FILE</code>`
  const main = html`<main>
<h1>${title}</h1>
<p class="lead">${language.text('welcome.text')}</p>
<h2>${language.text('welcome.operators')}</h2>
<ul class="text"><li>${language.html('welcome.address', { address })}</li>
<li>${language.html('welcome.next', { command })}</li></ul>
${page.discovery && html`<div class="actions"><a class="button" href="${page.discovery}">${language.text('welcome.discovery')}</a></div>`}
</main>`
  return renderPage(frame, { title, main })
}
