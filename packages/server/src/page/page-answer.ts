/** From a request to the frame of its page, and from a page to an answer with its headers. */
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Realm, Realms } from '../realm/realm.ts'
import { type ErrorPage, errorPage, errorPageStatus } from './error-page.ts'
import { localUrl, webUrl } from './html.ts'
import { chooseLanguage } from './language/choose-language.ts'
import type { Frame } from './layout.ts'
import { languageCookieName, readCookie } from './page-cookie.ts'
import { realmPath } from './page-path.ts'
import { type HeaderNeeds, pageHeaders } from './security-headers.ts'

export interface PageSettings {
  /** The configured public address is https. */
  readonly isPublicHttps: boolean
  /** The public address of a server under development that was given none. */
  readonly loopbackUrl?: string | undefined
  /** The operator's help page, linked at the same place of every page. */
  readonly helpUrl?: string | undefined
}

/** What of a request decides about the language; all parts are wishes. */
export interface LanguageAsk {
  readonly uiLocales?: string | undefined
  readonly accountLocale?: string | undefined
}

/** A longer address is not carried through the language form. */
const returnPathLengthMax = 4000

export function frameOf(
  settings: PageSettings,
  realm: Realm | undefined,
  request: FastifyRequest,
  ask: LanguageAsk = {},
): Frame {
  const { internationalizationEnabled, supportedLocales, defaultLocale, displayName } = realm?.settings ?? {}
  const language = chooseLanguage({
    chosen: readCookie(request, languageCookieName(settings.isPublicHttps)),
    uiLocales: ask.uiLocales,
    accountLocale: ask.accountLocale,
    acceptLanguage: request.headers['accept-language'],
    realmDefault: defaultLocale,
    ...(internationalizationEnabled && supportedLocales ? { supported: supportedLocales } : {}),
  })
  return {
    language,
    brandName: displayName || realm?.name || 'Curfew',
    languageMenu: realm && languageMenu(realm, request),
    helpUrl: webUrl(settings.helpUrl),
  }
}

/** A page that answers a POST has no address of its own, so its language cannot be switched. */
function languageMenu(realm: Realm, request: FastifyRequest): Frame['languageMenu'] {
  if (request.method !== 'GET' || request.url.length > returnPathLengthMax) return undefined
  return { action: localUrl(`${realmPath(realm)}/language`), returnPath: request.originalUrl }
}

export function sendPage(
  reply: FastifyReply,
  settings: PageSettings,
  status: number,
  text: string,
  needs: Omit<HeaderNeeds, 'isHttps'> = {},
): FastifyReply {
  return reply
    .code(status)
    .headers(pageHeaders({ isHttps: settings.isPublicHttps, ...needs }))
    .send(text)
}

/** `status` is the page kind's own where it is left out. */
export function sendErrorPage(
  { settings, realm, request, reply }: PageCall,
  page: ErrorPage,
  { status, ...ask }: LanguageAsk & { readonly status?: number } = {},
): FastifyReply {
  // no language menu: it would carry the refused address on the page, and lead back to the error
  const frame = { ...frameOf(settings, realm, request, ask), languageMenu: undefined }
  return sendPage(reply, settings, status ?? errorPageStatus[page.kind], errorPage(frame, page))
}

export interface PageCall {
  readonly settings: PageSettings
  readonly realm: Realm | undefined
  readonly request: FastifyRequest
  readonly reply: FastifyReply
}

/** The realm that the path names, or the page that says that there is none. */
export async function realmOfPage(
  deps: { readonly realms: Realms; readonly settings: PageSettings },
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<Realm | undefined> {
  const { realm: name } = request.params as { realm: string }
  const realm = await deps.realms.byName(name)
  if (realm?.enabled) return realm
  sendErrorPage({ settings: deps.settings, realm: undefined, request, reply }, { kind: 'realm' })
  return undefined
}

/** The query of a GET, the form of a POST, with every name that was sent, repeats included. */
export function parametersOf(request: FastifyRequest): URLSearchParams {
  if (request.method === 'POST') return formOf(request)
  const mark = request.url.indexOf('?')
  return new URLSearchParams(mark < 0 ? '' : request.url.slice(mark + 1))
}

/** Empty when there is no body, or one of another type. */
export function formOf(request: FastifyRequest): URLSearchParams {
  return request.body instanceof URLSearchParams ? request.body : new URLSearchParams()
}

/** Browsers say where a request comes from; a form of ours is posted from our own pages alone (ASVS 3.5.1). */
export function isFromOtherSite(request: FastifyRequest): boolean {
  const site = request.headers['sec-fetch-site']
  return site !== undefined && site !== 'same-origin' && site !== 'none'
}
