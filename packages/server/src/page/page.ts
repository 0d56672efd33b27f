/**
 * The pages: server-rendered HTML that works without script (experience.md §7.2, §8).
 *
 * Terms
 * - frame: what all pages of a request have in common: language, brand, help.
 * - live page: the result of a sign-out, which follows the rows by server-sent events.
 *
 * Invariants
 * - Text is escaped unless it was made by `html`; nothing that came in is ever used as an address.
 * - Every page has the headers of security.md; scripts and styles are files of this server.
 */
import type { FastifyInstance } from 'fastify'
import type { PageError, RenderError } from '../http/http.ts'
import { registerEndSession } from './end-session-routes.ts'
import type { ErrorPageKind } from './error-page.ts'
import { errorPage } from './error-page.ts'
import { chooseLanguage } from './language/choose-language.ts'
import { registerLanguage } from './language-route.ts'
import { frameOf, sendErrorPage, sendPage } from './page-answer.ts'
import { languageCookieName, readCookie } from './page-cookie.ts'
import { resourceCacheControl, resources } from './resources.ts'
import { registerResultPages } from './result-routes.ts'
import { pageHeaders } from './security-headers.ts'
import { registerSetupPages, type SetupPageDeps } from './setup-routes.ts'
import { registerSignInPages, type SignInPageDeps } from './sign-in-routes.ts'
import type { SignOutPageDeps } from './sign-out-call.ts'
import { accessibilityPage } from './statement-page.ts'
import { registerWelcome } from './welcome-routes.ts'
import { registerWrongAddress } from './wrong-address.ts'

export type PageDeps = SignInPageDeps & SetupPageDeps & SignOutPageDeps

export function registerPages(app: FastifyInstance, deps: PageDeps): void {
  registerWrongAddress(app, deps)
  registerResources(app)
  registerWelcome(app, deps)
  registerSetupPages(app, deps)
  registerSignInPages(app, deps)
  registerEndSession(app, deps)
  registerResultPages(app, deps)
  registerLanguage(app, deps)
  app.get('/accessibility', (request, reply) =>
    sendPage(reply, deps.settings, 200, accessibilityPage(frameOf(deps.settings, undefined, request))),
  )
}

function registerResources(app: FastifyInstance): void {
  for (const { path, contentType, body } of resources) {
    app.get(path, async (_request, reply) =>
      reply.header('content-type', contentType).header('cache-control', resourceCacheControl).send(body),
    )
  }
}

/** The page of a request that found nothing, could not be read, or met a fault of ours. */
export function renderHttpError(isPublicHttps: boolean): RenderError {
  return (request, reply, error) =>
    sendErrorPage(
      { settings: { isPublicHttps }, realm: undefined, request, reply },
      { kind: pageKinds[error.kind], reference: error.status >= 500 ? error.reference : undefined },
      { status: error.status },
    )
}

const pageKinds: Readonly<Record<PageError['kind'], ErrorPageKind>> = {
  bad_request: 'request',
  too_large: 'request',
  media_type: 'request',
  not_found: 'missing',
  unavailable: 'unavailable',
  internal: 'server',
}

/** The page of an authorization request that cannot be answered by a redirect; handed to `op/` by compose. */
export function renderOpError(request: {
  readonly realm: {
    readonly name: string
    readonly issuer: string
    readonly settings: {
      readonly displayName: string | undefined
      readonly defaultLocale: string | undefined
    }
  }
  readonly reason: ErrorPageKind
  readonly reference: string
  readonly headers: { readonly cookie?: string | undefined; readonly 'accept-language'?: string | undefined }
  readonly uiLocales: string | undefined
}): { readonly html: string; readonly headers: Readonly<Record<string, string>> } {
  const { realm, reason, reference, headers, uiLocales } = request
  const language = chooseLanguage({
    chosen: readCookie({ headers }, languageCookieName(realm.issuer.startsWith('https:'))),
    uiLocales,
    acceptLanguage: headers['accept-language'],
    realmDefault: realm.settings.defaultLocale,
  })
  const frame = { language, brandName: realm.settings.displayName || realm.name }
  return {
    html: errorPage(frame, { kind: reason, reference }),
    headers: pageHeaders({ isHttps: realm.issuer.startsWith('https:') }),
  }
}
