/** Pages after the end: nobody was signed in, the session ended meanwhile, or the person decided to stay. */
import type { Instant } from '../ambient/clock.ts'
import { type Html, html, type SafeUrl } from './html.ts'
import { type Frame, renderPage } from './layout.ts'

export type EndedPageKind =
  | { readonly kind: 'already' | 'other' | 'stay' | 'signedIn' }
  | { readonly kind: 'admin'; readonly endedAt: Instant }
  | { readonly kind: 'idle' | 'max'; readonly seconds: number }

export interface EndedPage {
  readonly why: EndedPageKind
  readonly back?: { readonly application: string; readonly url: SafeUrl } | undefined
  readonly signInAgain?: SafeUrl | undefined
}

export function endedPage(frame: Frame, page: EndedPage): string {
  const { language } = frame
  const { back, signInAgain, why } = page
  const title = language.text(titleKeys[why.kind])
  const main = html`<main>
<h1 tabindex="-1" autofocus>${title}</h1>
<p class="lead">${endedSentence(frame, why)}</p>
${(back || signInAgain) && html`<div class="actions">${back && html`<a class="button primary" href="${back.url}">${language.text('result.back', { application: back.application })}</a>`}${signInAgain && html`<a class="${back ? 'button' : 'button primary'}" href="${signInAgain}">${language.text('result.again')}</a>`}</div>`}
</main>`
  return renderPage(frame, { title, main })
}

const titleKeys = {
  already: 'already.title',
  stay: 'stay.title',
  signedIn: 'signedIn.title',
  admin: 'ended.title',
  idle: 'ended.title',
  max: 'ended.title',
  other: 'ended.title',
} as const

/** One sentence that says how it ended. */
export function endedSentence({ language }: Frame, why: EndedPageKind): string | Html {
  switch (why.kind) {
    case 'already':
      return language.text('already.text')
    case 'stay':
    case 'signedIn':
      return language.text(`${why.kind}.text`)
    case 'other':
      return language.text('ended.other')
    case 'admin':
      return language.html('ended.admin', { time: language.time(why.endedAt) })
    case 'idle':
    case 'max':
      return language.text(`ended.${why.kind}`, { duration: language.duration(why.seconds) })
  }
}
