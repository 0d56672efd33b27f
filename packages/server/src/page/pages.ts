/**
 * The pages: everything that a person sees before and after an application. Server-rendered HTML, a style sheet,
 * and a script only where something changes by itself.
 *
 * - Pages are pure functions from data to HTML (`…-page.ts`); routes gather the data (`…-routes.ts`).
 * - The page with the password has no script, and its policy allows none.
 * - No text stands in code: `language/` has them all.
 */
import type { FastifyInstance } from 'fastify'
import { registerEndSession } from './end-session-routes.ts'
import { localUrl } from './html.ts'
import { languageTags } from './language/language.ts'
import {
  frameOf,
  isFromOtherSite,
  type PageSettings,
  realmOfPage,
  sendErrorPage,
  sendPage,
} from './page-answer.ts'
import { setLanguageCookie } from './page-cookie.ts'
import { realmPath } from './page-path.ts'
import { resourceCacheControl, resources } from './resources.ts'
import { registerResultPages } from './result-routes.ts'
import { baseHeaders } from './security-headers.ts'
import { registerSignInPages, type SignInPageDeps } from './sign-in-routes.ts'
import type { SignOutPageDeps } from './sign-out-call.ts'
import { accessibilityPage } from './statement-page.ts'

export type PageDeps = SignInPageDeps & SignOutPageDeps

export function registerPages(app: FastifyInstance, deps: PageDeps): void {
  registerResources(app, deps.settings)
  registerLanguage(app, deps)
  registerSignInPages(app, deps)
  registerEndSession(app, deps)
  registerResultPages(app, deps)
  app.get('/accessibility', (request, reply) =>
    sendPage(reply, deps.settings, 200, accessibilityPage(frameOf(deps.settings, undefined, request))),
  )
}

export function registerResources(app: FastifyInstance, { isPublicHttps }: PageSettings): void {
  for (const resource of resources) {
    app.get(resource.path, (_request, reply) =>
      reply
        .headers({ ...baseHeaders(isPublicHttps), 'content-type': resource.contentType })
        .header('cache-control', resourceCacheControl)
        .send(resource.body),
    )
  }
}

/** The language menu: a choice of the person's own, kept for a year, that wins over every other wish. */
function registerLanguage(app: FastifyInstance, deps: PageDeps): void {
  app.post('/realms/:realm/language', async (request, reply) => {
    const realm = await realmOfPage(deps, request, reply)
    if (!realm) return reply
    const form = request.body instanceof URLSearchParams ? request.body : new URLSearchParams()
    const tag = languageTags.find((known) => known === form.get('language'))
    const back = safeReturn(form.get('return') ?? '', realmPath(realm))
    if (!tag || !back || isFromOtherSite(request)) {
      return sendErrorPage({ ...deps, realm, request, reply }, { kind: 'form' })
    }
    setLanguageCookie(reply, deps.settings.isPublicHttps, tag)
    return reply.redirect(back, 303)
  })
}

/** Only pages of this realm; never an address of another server (CVE-2019-20479). */
function safeReturn(path: string, base: string): string | undefined {
  const { pathname } = URL.canParse(path, 'http://here') ? new URL(path, 'http://here') : { pathname: '' }
  if (!path.startsWith(`${base}/`) || !pathname.startsWith(`${base}/`)) return undefined
  try {
    return localUrl(path).address
  } catch {
    return undefined
  }
}
