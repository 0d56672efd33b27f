/**
 * The page of an error: what happened in one plain sentence, what the person can do, and a reference for those
 * who run the service. Rendered where the error happened, never by a redirect (RIL-25).
 */
import { html, type SafeUrl } from './html.ts'
import { type Frame, renderPage } from './layout.ts'

export const errorPageKinds = [
  'realm',
  'client',
  'redirect',
  'hint',
  'unnamed',
  'request',
  'form',
  'interaction',
  'missing',
  'unavailable',
  'server',
] as const
export type ErrorPageKind = (typeof errorPageKinds)[number]

export interface ErrorPage {
  readonly kind: ErrorPageKind
  /** What support searches for: the id of the event or of the log line. */
  readonly reference?: string | undefined
  /** KL-10 to KL-14: the session lives; this button asks to end it, without the refused address. */
  readonly signOutWithout?: { readonly action: SafeUrl; readonly token: string } | undefined
  /** No session is open in this browser: there is nothing that it could sign out of. */
  readonly isSignedOut?: boolean | undefined
  /** Back to the application's own page, where it is registered. */
  readonly back?: { readonly application: string; readonly url: SafeUrl } | undefined
}

export const errorPageStatus: Readonly<Record<ErrorPageKind, number>> = {
  realm: 404,
  client: 400,
  redirect: 400,
  hint: 400,
  unnamed: 400,
  request: 400,
  form: 400,
  interaction: 400,
  missing: 404,
  unavailable: 503,
  server: 500,
}

export function errorPage(frame: Frame, page: ErrorPage): string {
  const { language } = frame
  const { title, text, advice } = wordsOf(frame, page)
  const { signOutWithout, back } = page
  const main = html`<main>
<h1 tabindex="-1" autofocus>${title}</h1>
<p class="lead">${text}${signOutWithout && html` ${language.text('error.stillSignedIn')}`}</p>
<h2>${language.text('error.what')}</h2>
<p>${advice}</p>
${signOutWithout && html`<form method="post" action="${signOutWithout.action}"><input type="hidden" name="token" value="${signOutWithout.token}"><button class="button primary full" name="action" value="all">${language.text('error.signOutWithout')}</button></form>`}
${back && html`<div class="actions"><a class="button" href="${back.url}">${language.text('result.back', { application: back.application })}</a></div>`}
${page.reference && html`<p class="reference">${language.text('result.reference')} <code dir="ltr">${page.reference}</code></p>`}
</main>`
  return renderPage(frame, { title, main })
}

/** A person without a session is told first that nothing is open; which request was refused comes second. */
function wordsOf({ language }: Frame, { kind, isSignedOut, signOutWithout }: ErrorPage) {
  if (isSignedOut && (kind === 'redirect' || kind === 'hint')) {
    return {
      title: language.text('already.title'),
      text: language.text(`error.signedOut.${kind}`),
      advice: language.text('error.signedOut.do'),
    }
  }
  return {
    title: language.text(`error.${kind}.title`),
    text: language.text(`error.${kind}.text`),
    advice: language.text(signOutWithout ? 'error.signOutWithout.do' : `error.${kind}.do`),
  }
}
