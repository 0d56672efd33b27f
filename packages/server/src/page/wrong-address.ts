/**
 * `serve --dev` calls itself `localhost`. A browser that came by another name, from another machine or through a
 * forwarded port, would be sent to a `localhost` of its own at the first sign-in; it is told so instead, and which
 * setting makes its address right (experience.md §4.1).
 */
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { wantsPage } from '../http/http.ts'
import type { Realms } from '../realm/realm.ts'
import { frameOf, type PageSettings, sendPage } from './page-answer.ts'
import { wrongAddressPage } from './statement-page.ts'

export interface WrongAddressDeps {
  readonly realms: Realms
  readonly settings: PageSettings
}

/** RFC 9110 §15.5.20: this server does not answer for that authority. */
const misdirected = 421

export function registerWrongAddress(app: FastifyInstance, { realms, settings }: WrongAddressDeps): void {
  const { loopbackUrl } = settings
  if (loopbackUrl === undefined) return
  app.addHook('onRequest', async (request, reply) => {
    if (request.method !== 'GET' || !wantsPage(request)) return
    if (isLoopback(hostnameOf(request)) || !isLoopback(await ownHostname(realms, request, loopbackUrl)))
      return
    const frame = frameOf(settings, undefined, request)
    return sendPage(reply, settings, misdirected, wrongAddressPage(frame, loopbackUrl))
  })
}

function hostnameOf(request: FastifyRequest): string | undefined {
  return URL.parse(`http://${request.host}`)?.hostname
}

/** A realm may have a `frontendUrl` of its own. */
async function ownHostname(realms: Realms, request: FastifyRequest, url: string): Promise<string> {
  const [, name] = /^\/realms\/([^/?]+)/.exec(request.url) ?? []
  const realm = name === undefined ? undefined : await realms.byName(name)
  return new URL(realm?.issuer ?? url).hostname
}

/** A request without a readable host gets its page. */
function isLoopback(hostname: string | undefined): boolean {
  return hostname === undefined || /^(localhost|.+\.localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(hostname)
}
