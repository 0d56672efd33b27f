/**
 * The live result of a sign-out (experience.md §8.2): rendered complete by the server, kept current by
 * `live.js`, or read again every 2 s where there is no script.
 *
 * The script knows no words. It reads this same page again when something changed and takes over the parts
 * whose `id` begins with `live-`, so every text is made here, once.
 */
import {
  type DisplaySentence,
  type DisplayState,
  type DisplayWord,
  displayWords,
} from '../delivery/display-state.ts'
import { frameCountMax } from '../sign-out/deliveries-for.ts'
import { fragmentUrl, type Html, html, type SafeUrl } from './html.ts'
import type { Language, MessageKey } from './language/language.ts'
import { type Frame, renderPage } from './layout.ts'
import { liveScript } from './resources.ts'

export interface ResultRow {
  /** Unique in the page. */
  readonly key: string
  readonly application: string
  readonly state: DisplayState
  /** The application's own address, offered where it cannot be told from here. */
  readonly openUrl?: SafeUrl | undefined
}

export interface ResultPage {
  readonly rows: readonly ResultRow[]
  /** Applications that are not among the rows: there are more than anybody would read. */
  readonly hiddenCount: number
  /** `so_` and the first six characters: enough for support, of no use to anybody else. */
  readonly reference: string
  readonly back?: { readonly application: string; readonly url: SafeUrl } | undefined
  /** Goes on to `back` by itself after this pause, once everything is signed out. */
  readonly goOnSeconds?: number | undefined
  readonly signInAgain?: SafeUrl | undefined
  readonly otherDevices?:
    | { readonly action: SafeUrl; readonly token: string; readonly count: number }
    | undefined
}

export interface ResultSummary {
  readonly total: number
  readonly done: number
  readonly signing: number
  readonly trying: number
  readonly failed: number
  readonly unsupported: number
  /** Nothing will change any more. */
  readonly isSettled: boolean
  readonly isAllGreen: boolean
}

export function summarise({ rows, hiddenCount }: Pick<ResultPage, 'rows' | 'hiddenCount'>): ResultSummary {
  const count = (...words: readonly DisplayWord[]): number =>
    rows.filter((row) => words.includes(row.state.word)).length
  const done = count('signed_out', 'ended_by_itself')
  const signing = count('signing_out')
  const trying = count('not_yet')
  return {
    total: rows.length + hiddenCount,
    done,
    signing,
    trying,
    failed: count('could_not'),
    unsupported: count('not_supported'),
    isSettled: signing + trying === 0,
    // what is not listed is not vouched for (I9)
    isAllGreen: done === rows.length && hiddenCount === 0,
  }
}

/** Rows that are done are folded away above this count, so that the open ones stay in sight. */
const shownRowCountMax = 40

export function resultPage(frame: Frame, page: ResultPage): string {
  const { language } = frame
  const summary = summarise(page)
  const title = titleText(language, summary)
  const goesOn =
    summary.isAllGreen && page.back && page.goOnSeconds !== undefined ? page.goOnSeconds : undefined
  const main = html`<main data-live="${summary.isSettled ? 'settled' : 'open'}"${goesOn !== undefined && html` data-go-on-seconds="${goesOn}"`}>
${symbols}
<h1 id="live-title" tabindex="-1" autofocus>${title}</h1>
<p class="lead" id="live-summary" role="status">${summaryText(language, summary)}</p>
${page.rows.length > 0 && page.rows.length <= shownRowCountMax && bar(page.rows)}
${list(frame, page.rows)}
<div id="live-notes">${notes(language, summary, page.hiddenCount)}</div>
${actions(frame, page)}
<p class="reference">${language.text('result.reference')} <code dir="ltr">${page.reference}</code></p>
</main>`
  return renderPage(frame, {
    title,
    main,
    isWide: true,
    script: liveScript,
    ...refresh(summary, page, goesOn),
  })
}

function refresh(
  summary: ResultSummary,
  page: ResultPage,
  goesOn: number | undefined,
): { refreshSeconds?: number; refreshTo?: string } {
  if (goesOn !== undefined && page.back) return { refreshSeconds: goesOn, refreshTo: page.back.url.address }
  return summary.isSettled ? {} : { refreshSeconds: 2 }
}

/** "Signed out of 3 of 5 applications": always counted, never "everywhere" (experience.md §3.1). */
export function titleText(language: Language, summary: ResultSummary): string {
  if (summary.total === 0) return language.text('result.titleNone')
  return language.text('result.title', { done: summary.done, total: summary.total })
}

export function summaryText(language: Language, summary: ResultSummary): string {
  if (summary.total === 0) return language.text('result.noApplications')
  const parts = [
    summary.done > 0 && language.text('result.done', { count: summary.done }),
    summary.signing > 0 && language.text('result.signing', { count: summary.signing }),
    summary.trying > 0 && language.text('result.trying', { count: summary.trying }),
    summary.failed > 0 && language.text('result.failed', { count: summary.failed }),
    summary.unsupported > 0 && language.text('result.unsupported', { count: summary.unsupported }),
  ]
  return parts.filter(Boolean).join(' · ')
}

function bar(rows: readonly ResultRow[]): Html {
  const done = rows.filter((row) => row.state.word === 'signed_out' || row.state.word === 'ended_by_itself')
  const rest = rows.filter((row) => !done.includes(row))
  return html`<div class="bar" id="live-bar" aria-hidden="true">${[...done, ...rest].map((row) => html`<i class="${row.state.word}"></i>`)}</div>`
}

function list(frame: Frame, rows: readonly ResultRow[]): Html | undefined {
  if (rows.length === 0) return undefined
  const label = frame.language.text('result.applications')
  const isDone = (row: ResultRow): boolean =>
    row.state.word === 'signed_out' || row.state.word === 'ended_by_itself'
  if (rows.length <= shownRowCountMax) {
    return html`<ul class="rows" id="live-rows" aria-label="${label}">${rows.map((row) => rowItem(frame.language, row))}</ul>`
  }
  const done = rows.filter(isDone)
  const open = rows.filter((row) => !isDone(row))
  return html`<div id="live-rows"><ul class="rows" aria-label="${label}">${open.map((row) => rowItem(frame.language, row))}</ul>
${done.length > 0 && html`<details class="note"><summary>${frame.language.text('result.finished', { count: done.length })}</summary><ul class="rows">${done.map((row) => rowItem(frame.language, row))}</ul></details>`}</div>`
}

function rowItem(language: Language, row: ResultRow): Html {
  const took =
    row.state.tookMs === undefined
      ? undefined
      : html`<small>${language.text('result.took', { seconds: language.seconds(row.state.tookMs) })}</small>`
  return html`<li class="${row.state.word}" id="live-row-${row.key}"><svg class="symbol" aria-hidden="true"><use href="${symbolUrl(row.state.word)}"/></svg><b>${row.application}</b><p class="word">${language.text(`state.${row.state.word}`)}</p>${took}
${lineText(language, row)}</li>
`
}

/** The second line (experience.md §3.2): why, when next, when it ended there. Never a technical reason. */
function lineText(language: Language, { application, state, openUrl }: ResultRow): Html | undefined {
  const { word, sentence, nextAt, endsAt } = state
  const lines: Html[] = []
  if (word === 'not_supported' && endsAt !== undefined) {
    lines.push(language.html('result.endsAt', { time: language.time(endsAt) }))
  } else {
    const key = sentenceKeys[sentence]
    if (key) lines.push(html`${language.text(key, { application, count: frameCountMax })}`)
    if (endsAt !== undefined) lines.push(language.html('result.endedThere', { time: language.time(endsAt) }))
  }
  if (nextAt !== undefined) lines.push(language.html('result.nextTry', { time: language.time(nextAt) }))
  if (openUrl) lines.push(html`<a href="${openUrl}">${language.text('result.open', { application })}</a>`)
  if (lines.length === 0) return undefined
  return html`<p>${lines.map((part, index) => html`${index > 0 && html`<br>`}${part}`)}</p>`
}

/** undefined: the word says it all. */
const sentenceKeys: Readonly<Record<DisplaySentence, MessageKey | undefined>> = {
  told: undefined,
  had_no_session: undefined,
  in_progress: undefined,
  session_over: undefined,
  asked_for_it: 'result.itAsked',
  did_not_answer: 'result.didNotAnswer',
  address_paused: 'result.didNotAnswer',
  did_not_accept: 'result.rejected',
  not_allowed: 'result.blocked',
  no_clear_answer: 'result.unclear',
  asked_in_browser: 'result.browser',
  not_asked_in_browser: 'result.notInBrowser',
  only_received: 'result.onlyReceived',
  only_in_part: 'result.onlyInPart',
  could_not_be_reached: 'result.unreachable',
  signed_in_again: 'result.newerSession',
  stopped_by_administrator: 'result.stopped',
  no_channel: 'result.notFromHere',
}

function notes(language: Language, summary: ResultSummary, hiddenCount: number): readonly Html[] {
  const texts: Html[] = []
  if (hiddenCount > 0) texts.push(html`<p>${language.text('result.hidden', { count: hiddenCount })}</p>`)
  if (!summary.isAllGreen) texts.push(html`<p>${language.text('result.shared')}</p>`)
  if (!summary.isSettled) texts.push(html`<p>${language.text('result.closable')}</p>`)
  return texts.length === 0 ? [] : [html`<div class="note">${texts}</div>`]
}

function actions({ language }: Frame, page: ResultPage): Html {
  const { back, signInAgain, otherDevices } = page
  const again =
    signInAgain &&
    html`<a class="${back ? 'button' : 'button primary'}" href="${signInAgain}">${language.text('result.again')}</a>`
  const devices =
    otherDevices &&
    html`<form method="post" action="${otherDevices.action}"><input type="hidden" name="token" value="${otherDevices.token}"><button class="button quiet" name="action" value="devices">${language.text('result.devices', { count: otherDevices.count })}</button></form>`
  return html`<div class="actions">${back && html`<a class="button primary" id="back" href="${back.url}">${language.text('result.back', { application: back.application })}</a>`}${again}${devices}</div>`
}

const symbolUrls = new Map(displayWords.map((word) => [word, fragmentUrl(`s-${word}`)]))

function symbolUrl(word: DisplayWord): SafeUrl {
  return symbolUrls.get(word) as SafeUrl
}

/** ✓ a turning ring, !, ✕, –, ✓ in a thin circle: each state has a shape of its own, so colour is never alone. */
const symbols = html`<svg hidden><symbol id="s-signed_out" viewBox="0 0 24 24"><circle cx="12" cy="12" r="10"/><path d="m7.5 12.4 3 3 6-6.4"/></symbol>
<symbol id="s-signing_out" viewBox="0 0 24 24"><path d="M12 2a10 10 0 1 1-10 10"/></symbol>
<symbol id="s-not_yet" viewBox="0 0 24 24"><circle cx="12" cy="12" r="10" stroke-dasharray="3.2 3.08"/><path d="M12 7v6m0 3.6v.1"/></symbol>
<symbol id="s-could_not" viewBox="0 0 24 24"><circle cx="12" cy="12" r="10"/><path d="m8.5 8.5 7 7m0-7-7 7"/></symbol>
<symbol id="s-not_supported" viewBox="0 0 24 24"><circle cx="12" cy="12" r="10"/><path d="M8 12h8"/></symbol>
<symbol id="s-ended_by_itself" viewBox="0 0 24 24"><g stroke-width="1.25"><circle cx="12" cy="12" r="10"/><path d="m7.5 12.4 3 3 6-6.4"/></g></symbol></svg>`
