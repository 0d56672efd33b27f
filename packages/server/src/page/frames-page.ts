/**
 * Tells applications through this browser (OpenID Connect Front-Channel Logout 1.0): one hidden frame each, and
 * on to the next address when all have loaded, at the latest after 5 s (KF-04). Whether a frame did its work
 * cannot be seen, so the verdict stays "asked in this browser" (KF-05).
 */
import type { FrameTarget } from '../sign-out/trigger/read-frames.ts'
import { html, type SafeUrl, webUrl } from './html.ts'
import { type Frame, renderPage } from './layout.ts'
import { framesScript } from './resources.ts'

/** The page waits no longer than this for its frames. */
const frameWaitSeconds = 5

/** KF-02: `iss` and `sid` always, beside what the registered address has. */
export function frameAddress({ address, issuer, sid }: FrameTarget): SafeUrl | undefined {
  if (!URL.canParse(address)) return undefined
  const url = new URL(address)
  url.searchParams.set('iss', issuer)
  url.searchParams.set('sid', sid)
  return webUrl(url.href)
}

export function framesPage(
  frame: Frame,
  of: { readonly frames: readonly SafeUrl[]; readonly next: SafeUrl },
): string {
  const { language } = frame
  const title = language.text('frames.title')
  const frames = of.frames.map(
    (address) => html`<iframe src="${address}" hidden title="" aria-hidden="true" tabindex="-1"></iframe>
`,
  )
  const main = html`<main data-frames-wait-seconds="${frameWaitSeconds}">
<h1 tabindex="-1" autofocus>${title}</h1>
<p class="lead" role="status">${language.text('frames.text')}</p>
<div class="actions"><a class="button" id="next" href="${of.next}">${language.text('setup.go')}</a></div>
${frames}</main>`
  return renderPage(frame, {
    title,
    main,
    script: framesScript,
    isScriptPlain: true,
    refreshSeconds: frameWaitSeconds,
    refreshTo: of.next.address,
  })
}
