/** The bare address: before setup it leads to the setup page (experience.md §4.1), afterwards it says where one is. */
import type { FastifyInstance } from 'fastify'
import { hasAdministrator } from '../realm/bootstrap-admin.ts'
import type { Realms } from '../realm/realm.ts'
import type { Store } from '../store/store.ts'
import { webUrl } from './html.ts'
import { frameOf, type PageSettings, sendErrorPage, sendPage } from './page-answer.ts'
import { welcomePage } from './welcome-page.ts'

export interface WelcomePageDeps {
  readonly store: Store
  readonly realms: Realms
  readonly settings: PageSettings
}

export function registerWelcome(app: FastifyInstance, { store, realms, settings }: WelcomePageDeps): void {
  app.get('/', async (request, reply) => {
    const master = await realms.byName('master')
    if (!master) {
      return sendErrorPage({ settings, realm: undefined, request, reply }, { kind: 'unavailable' })
    }
    if (!(await hasAdministrator(store.read))) {
      return reply.code(302).headers({ location: '/setup', 'cache-control': 'no-store' }).send()
    }
    const frame = frameOf(settings, undefined, request)
    const brandName = master.settings.displayName || frame.brandName
    const page = welcomePage(
      { ...frame, brandName },
      {
        address: master.issuer.slice(0, master.issuer.lastIndexOf('/realms/')),
        discovery: webUrl(`${master.issuer}/.well-known/openid-configuration`),
      },
    )
    return sendPage(reply, settings, 200, page)
  })
}
