/** Every page with sample data, in the circumstances that look different: for the browser tests and for screenshots. */
import type { DisplaySentence, DisplayState, DisplayWord } from '../../src/delivery/display-state.ts'
import { confirmPage } from '../../src/page/confirm-page.ts'
import { consentPage } from '../../src/page/consent-page.ts'
import { endedPage } from '../../src/page/ended-page.ts'
import { errorPage, errorPageKinds } from '../../src/page/error-page.ts'
import { framesPage } from '../../src/page/frames-page.ts'
import { fragmentUrl, localUrl, type SafeUrl, webUrl } from '../../src/page/html.ts'
import { type LanguageTag, languageOf } from '../../src/page/language/language.ts'
import type { Frame } from '../../src/page/layout.ts'
import { type ResultRow, resultPage } from '../../src/page/result-page.ts'
import { setupDonePage, setupPage } from '../../src/page/setup-page.ts'
import { type SignInPage, signInPage } from '../../src/page/sign-in-page.ts'
import { accessibilityPage, wrongAddressPage } from '../../src/page/statement-page.ts'
import { welcomePage } from '../../src/page/welcome-page.ts'

const at = Date.UTC(2026, 10, 22, 10, 42, 15)
const minute = 60_000

export function frameOf(tag: LanguageTag): Frame {
  return {
    language: languageOf(tag),
    brandName: 'Harbour & Sons',
    languageMenu: { action: localUrl('/realms/demo/language'), returnPath: '/realms/demo/sign-in/x' },
    helpUrl: webUrl('https://help.example/'),
  }
}

const signIn: SignInPage = {
  action: localUrl('/realms/demo/sign-in/x'),
  csrfToken: 'token',
  application: 'Wiki',
  login: '',
  withEmail: true,
  rememberMe: false,
}

const applications = ['Wiki', 'Chat', 'Files', 'CRM', 'Legacy ERP'].map((name, index) => ({
  name,
  lastActiveAt: at - index * index * 37 * minute,
}))

const confirm = {
  action: localUrl('/realms/demo/logout-confirm'),
  token: 'token',
  account: 'alice',
  applications,
}

const backToWiki = { application: 'Wiki', url: webUrl('https://wiki.example/') as SafeUrl }

const row = (
  key: string,
  application: string,
  word: DisplayWord,
  sentence: DisplaySentence,
  more: Partial<DisplayState> = {},
): ResultRow => ({
  key,
  application,
  state: { word, sentence, ...more },
})

export const mixedRows: readonly ResultRow[] = [
  row('0', 'Wiki', 'signed_out', 'told', { tookMs: 41 }),
  row('1', 'Chat', 'signed_out', 'told', { tookMs: 52 }),
  row('2', 'Files', 'signing_out', 'in_progress'),
  row('3', 'CRM', 'not_yet', 'did_not_answer', { nextAt: at + 8000 }),
  {
    ...row('4', 'Legacy ERP', 'not_supported', 'no_channel', { endsAt: at + 480 * minute }),
    openUrl: webUrl('https://erp.example/'),
  },
]

const everyRow: readonly ResultRow[] = [
  ...mixedRows,
  row('5', 'Payroll', 'could_not', 'did_not_accept', { endsAt: at - minute }),
  row('6', 'Archive', 'could_not', 'not_allowed'),
  row('7', 'Donaudampfschifffahrtsgesellschaft-Zeiterfassung', 'could_not', 'could_not_be_reached'),
  row('8', 'Board', 'could_not', 'asked_in_browser'),
  row('14', 'Forum', 'could_not', 'not_asked_in_browser'),
  row('9', 'Travel', 'could_not', 'signed_in_again'),
  row('10', 'Survey', 'could_not', 'stopped_by_administrator'),
  row('11', 'Maps', 'could_not', 'no_clear_answer'),
  row('12', 'Intranet', 'ended_by_itself', 'session_over', { endsAt: at - 3 * minute }),
  row('13', 'Library', 'signed_out', 'asked_for_it'),
]

const green = [41, 52, 312].map((tookMs, index) =>
  row(String(index), ['Wiki', 'Chat', 'Files'][index] ?? '', 'signed_out', 'told', { tookMs }),
)
const reference = 'so_7F3K2Q'
const signInAgain = localUrl('/realms/demo/account')
const otherDevices = { action: localUrl('/realms/demo/sign-out/x/devices'), token: 'token', count: 2 }

export const samplePages: Readonly<Record<string, (frame: Frame) => string>> = {
  'sign-in': (frame) => signInPage(frame, signIn),
  'sign-in-invalid': (frame) =>
    signInPage(frame, { ...signIn, login: 'alice', problem: { kind: 'invalid' } }),
  'sign-in-throttled': (frame) =>
    signInPage(frame, { ...signIn, login: 'alice', problem: { kind: 'throttled', waitSeconds: 252 } }),
  'sign-in-ended': (frame) => signInPage(frame, { ...signIn, ended: { kind: 'idle', seconds: 1800 } }),
  'sign-in-again': (frame) =>
    signInPage(frame, { ...signIn, login: 'alice', isAgain: true, rememberMe: undefined }),
  consent: (frame) =>
    consentPage(frame, {
      action: signIn.action,
      csrfToken: 't',
      application: 'CRM',
      scopes: ['openid', 'profile', 'email', 'offline_access', 'crm:read'],
    }),
  confirm: (frame) =>
    confirmPage(
      frame,
      {
        ...confirm,
        asking: { application: 'CRM', isForSomebodyElse: false },
        leaveOne: 'CRM',
        otherDeviceCount: 2,
      },
      at,
    ),
  'confirm-other': (frame) =>
    confirmPage(
      frame,
      {
        ...confirm,
        applications: [],
        asking: { application: 'CRM', isForSomebodyElse: true },
        otherDeviceCount: 0,
        isAskedAgain: true,
      },
      at,
    ),
  result: (frame) =>
    resultPage(frame, {
      rows: mixedRows,
      hiddenCount: 0,
      reference,
      back: backToWiki,
      signInAgain,
      otherDevices,
    }),
  'result-green': (frame) =>
    resultPage(frame, { rows: green, hiddenCount: 0, reference, back: backToWiki, signInAgain }),
  'result-every-word': (frame) =>
    resultPage(frame, { rows: everyRow, hiddenCount: 0, reference, signInAgain, otherDevices }),
  'result-many': (frame) =>
    resultPage(frame, {
      hiddenCount: 15_000,
      rows: Array.from({ length: 60 }, (_, index) =>
        index % 9 === 0
          ? row(String(index), `Application ${index + 1}`, 'not_yet', 'did_not_answer')
          : row(String(index), `Application ${index + 1}`, 'signed_out', 'told'),
      ),
      reference,
    }),
  frames: (frame) => framesPage(frame, { frames: [], next: fragmentUrl('next') }),
  'result-none': (frame) => resultPage(frame, { rows: [], hiddenCount: 0, reference, signInAgain }),
  'ended-already': (frame) => endedPage(frame, { why: { kind: 'already' }, back: backToWiki, signInAgain }),
  'ended-admin': (frame) => endedPage(frame, { why: { kind: 'admin', endedAt: at }, signInAgain }),
  'ended-idle': (frame) => endedPage(frame, { why: { kind: 'idle', seconds: 1800 }, signInAgain }),
  'ended-signed-in': (frame) => endedPage(frame, { why: { kind: 'signedIn' } }),
  'ended-stay': (frame) => endedPage(frame, { why: { kind: 'stay' }, back: backToWiki }),
  ...Object.fromEntries(
    errorPageKinds.map((kind) => [
      `error-${kind}`,
      (frame: Frame) => errorPage(frame, { kind, reference: 'er_5QX2PD' }),
    ]),
  ),
  'error-redirect-button': (frame) =>
    errorPage(frame, {
      kind: 'redirect',
      reference: 'er_5QX2PD',
      signOutWithout: { action: localUrl('/realms/demo/logout-confirm'), token: 'token' },
      back: backToWiki,
    }),
  'error-signed-out': (frame) =>
    errorPage(frame, { kind: 'redirect', reference: 'er_5QX2PD', isSignedOut: true }),
  'setup-ticket': (frame) => setupPage(frame, { action: localUrl('/setup'), problem: 'ticketWrong' }),
  setup: (frame) =>
    setupPage(frame, {
      action: localUrl('/setup/x'),
      values: { organisation: 'Harbour & Sons', username: 'admin', email: '' },
      problem: 'passwordShort',
    }),
  'setup-done': (frame) => setupDonePage(frame, { account: 'admin', next: localUrl('/') }),
  welcome: (frame) =>
    welcomePage(frame, {
      address: 'https://id.example.org',
      discovery: webUrl('https://id.example.org/realms/master/.well-known/openid-configuration'),
    }),
  accessibility: (frame) => accessibilityPage(frame),
  'wrong-address': (frame) => wrongAddressPage(frame, 'http://localhost:8080'),
}
