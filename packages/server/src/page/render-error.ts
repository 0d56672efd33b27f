/** Error pages for those who meet an error elsewhere: our HTTP, and the protocol engine. */
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Realm } from '../realm/realm.ts'
import { type ErrorPageKind, errorPage } from './error-page.ts'
import { chooseLanguage } from './language/choose-language.ts'
import { frameOf, type PageSettings, sendPage } from './page-answer.ts'
import { pageHeaders } from './security-headers.ts'

/** What `http/` says of an error (`PageError`). */
export interface HttpError {
  readonly status: number
  readonly kind: 'bad_request' | 'not_found' | 'too_large' | 'media_type' | 'internal' | 'unavailable'
  readonly reference: string
}

const kinds: Readonly<Record<HttpError['kind'], ErrorPageKind>> = {
  bad_request: 'request',
  too_large: 'request',
  media_type: 'request',
  not_found: 'missing',
  internal: 'server',
  unavailable: 'unavailable',
}

/** Fits `RenderError` of http/http.ts. */
export function renderHttpError(settings: PageSettings) {
  return (request: FastifyRequest, reply: FastifyReply, error: HttpError): FastifyReply => {
    const frame = frameOf(settings, undefined, request)
    const page = errorPage(frame, { kind: kinds[error.kind], reference: error.reference })
    return sendPage(reply, settings, error.status, page)
  }
}

/** Fits `RenderErrorPage` of op/engine-error.ts: an authorization request that cannot be answered by a redirect. */
export function renderEnginePage(settings: PageSettings) {
  return (request: {
    readonly realm: Realm
    readonly reason: Extract<
      ErrorPageKind,
      'client' | 'redirect' | 'request' | 'interaction' | 'unavailable' | 'server'
    >
    readonly acceptLanguage: string | undefined
    readonly uiLocales: string | undefined
  }) => {
    const { realm, acceptLanguage, uiLocales } = request
    const language = chooseLanguage({ acceptLanguage, uiLocales, realmDefault: realm.settings.defaultLocale })
    const frame = { language, brandName: realm.settings.displayName || realm.name }
    return {
      html: errorPage(frame, { kind: request.reason }),
      headers: pageHeaders({ isHttps: settings.isPublicHttps }),
    }
  }
}
