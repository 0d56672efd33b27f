/** The frame around every page: brand above, the page, language and help below, always at the same place (WCAG 3.2.6). */
import { type Html, html, localUrl, type SafeUrl } from './html.ts'
import { type Language, languageOf, offeredLanguageTags } from './language/language.ts'
import { mark, type Resource, style } from './resources.ts'

/** What all pages of a request have in common. */
export interface Frame {
  readonly language: Language
  /** Name above the page: the realm's display name. */
  readonly brandName: string
  /** Where the language menu posts to, and the path of this page to come back to; absent = no menu. */
  readonly languageMenu?: { readonly action: SafeUrl; readonly returnPath: string } | undefined
  /** The operator's help page. */
  readonly helpUrl?: SafeUrl | undefined
}

export interface Page {
  /** In the browser's tab; the same words as the heading. */
  readonly title: string
  readonly main: Html
  readonly isWide?: boolean
  readonly script?: Resource | undefined
  /** Run by browsers too that know no modules. */
  readonly isScriptPlain?: boolean
  /** Without script, the page is read again after this many seconds, or goes on to `refreshTo`. */
  readonly refreshSeconds?: number | undefined
  readonly refreshTo?: string | undefined
}

/** The whole document. */
export function renderPage(frame: Frame, page: Page): string {
  const { language } = frame
  const document = html`<!doctype html>
<html lang="${language.tag === 'en-XA' ? 'en' : language.tag}" dir="${language.direction}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${page.title} · ${frame.brandName}</title>
<link rel="icon" href="${mark.url}">
<link rel="stylesheet" href="${style.url}">
${page.refreshSeconds !== undefined && refresh(page.refreshSeconds, page.refreshTo)}${page.script && scriptElement(page.script, page.isScriptPlain)}
</head>
<body>
<div class="${page.isWide ? 'frame wide' : 'frame'}">
<header><img src="${mark.url}" alt=""><span>${frame.brandName}</span></header>
${page.main}
<footer>${languageMenu(frame)}<nav aria-label="${language.text('footer.help')}">
<a href="${localUrl('/accessibility')}">${language.text('footer.accessibility')}</a>
${frame.helpUrl && html`<a href="${frame.helpUrl}">${language.text('footer.help')}</a>`}</nav></footer>
</div>
</body>
</html>
`
  return document.markup
}

/** Either form runs when the document has been read. */
function scriptElement({ url }: Resource, isPlain = false): Html {
  return isPlain
    ? html`<script defer src="${url}"></script>`
    : html`<script type="module" src="${url}"></script>`
}

function refresh(seconds: number, to: string | undefined): Html {
  return html`<noscript><meta http-equiv="refresh" content="${to ? `${seconds};url=${to}` : seconds}"></noscript>
`
}

function languageMenu({ language, languageMenu }: Frame): Html | undefined {
  if (!languageMenu) return undefined
  const items = offeredLanguageTags.map((tag) => {
    const isCurrent = tag === language.tag
    return html`<button name="language" value="${tag}" lang="${tag}"${isCurrent && html` aria-current="true"`}>${languageOf(tag).name}</button>`
  })
  return html`<details class="language"><summary>${globe}${language.name}</summary>
<form method="post" action="${languageMenu.action}"><input type="hidden" name="return" value="${languageMenu.returnPath}">${items}</form></details>`
}

const globe = html`<svg viewBox="0 0 24 24" aria-hidden="true"><circle cx="12" cy="12" r="9"/><path d="M3 12h18M12 3c5 5 5 13 0 18M12 3c-5 5-5 13 0 18"/></svg>`
