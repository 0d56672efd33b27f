/** The language menu: a choice of the person's own, kept for a year, that wins over every other wish. */
import type { FastifyInstance } from 'fastify'
import type { Realms } from '../realm/realm.ts'
import { localUrl } from './html.ts'
import { languageTags } from './language/language.ts'
import { formOf, isFromOtherSite, type PageSettings, realmOfPage, sendErrorPage } from './page-answer.ts'
import { setLanguageCookie } from './page-cookie.ts'
import { realmPath } from './page-path.ts'

interface LanguageDeps {
  readonly realms: Realms
  readonly settings: PageSettings
}

export function registerLanguage(app: FastifyInstance, deps: LanguageDeps): void {
  app.post('/realms/:realm/language', async (request, reply) => {
    const realm = await realmOfPage(deps, request, reply)
    if (!realm) return reply
    const form = formOf(request)
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
