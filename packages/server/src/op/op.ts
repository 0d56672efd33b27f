/**
 * The OpenID Provider: the protocol engine behind one door (engine.md).
 *
 * Terms
 * - engine: one oidc-provider `Provider` per realm. Only this folder knows it.
 * - unit of work: what one request writes, committed before it is answered.
 * - interaction: a request that waits for a person at the sign-in page.
 *
 * Invariants
 * - No response of the engine leaves before what it promises is durable.
 * - Nothing that the engine does ends a session or sends a notice; `signOut` alone does.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Realm } from '../realm/realm.ts'
import type { SignOutDeps } from '../sign-out/sign-out.ts'
import { createEngines, type EngineDeps } from './engine.ts'
import { type RenderErrorPage, renderEngineError } from './engine-error.ts'
import { createInteractions, type Interactions } from './interaction.ts'
import { mountRequest } from './mount.ts'
import { beginWork, type RequestSource, runInWork } from './unit-of-work/unit-of-work.ts'

export interface OpDeps extends Omit<EngineDeps, 'on' | 'renderError'>, SignOutDeps {
  readonly renderErrorPage: RenderErrorPage
}

export interface Op extends Interactions {
  /**
   * Answers a request of the engine's paths (`/protocol/openid-connect/{auth,token,certs,ext/par/request}` and
   * the two well-known documents). The body must be unread.
   * @param path the part of the URL after `/realms/{realm}`, with the query
   */
  handle(
    req: IncomingMessage,
    res: ServerResponse,
    realm: Realm,
    path: string,
    source: RequestSource,
  ): Promise<void>
}

export function createOp(deps: OpDeps): Op {
  const engines = createEngines({
    ...deps,
    on: deps.store.read,
    renderError: renderEngineError(deps),
  })
  return {
    ...createInteractions(deps, engines),
    async handle(req, res, realm, path, source) {
      const mounted = await mountRequest(req, res, realm, path)
      if (mounted.kind === 'answered') return
      const at = deps.ambient.clock.now()
      const work = beginWork(realm, source, clientIdOf(path), at)
      await runInWork(work, () => engines.engineOf(realm, at).run(mounted.req, res))
    },
  }
}

/** Only narrows what is read of a session; the engine judges the parameter. */
function clientIdOf(path: string): string | undefined {
  const mark = path.indexOf('?')
  return mark < 0 ? undefined : (new URLSearchParams(path.slice(mark + 1)).get('client_id') ?? undefined)
}
