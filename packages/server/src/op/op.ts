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
import type { InteractionResults } from 'oidc-provider'
import { isCurfewError } from '../errors.ts'
import { readCookie } from '../http/read-cookie.ts'
import type { Realm } from '../realm/realm.ts'
import type { SignOutDeps } from '../sign-out/sign-out.ts'
import { createEngines, type Engine, type EngineDeps } from './engine.ts'
import { type RenderErrorPage, renderEngineError } from './engine-error.ts'
import { faultAnswer } from './fault-answer.ts'
import { createInteractions, type Interactions } from './interaction.ts'
import { type Mounted, mountRequest } from './mount.ts'
import { againUrl } from './refusal-response.ts'
import { clearReturn, mayReturn, type ReturnBinding } from './return-cookie.ts'
import { beginWork, errorReference, type RequestSource, runInWork } from './unit-of-work/unit-of-work.ts'

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
      try {
        const mounted = await mountRequest(req, res, realm, path)
        if (mounted.kind === 'answered') return
        const at = deps.ambient.clock.now()
        const engine = engines.engineOf(realm, at)
        const work = beginWork(realm, source, clientIdOf(path), at)
        await runInWork(work, async () => {
          if (await checkReturn(engine, realm, mounted, res)) await engine.run(mounted.req, res)
        })
      } catch (error) {
        deps.ambient.log.write('error', 'op.engine_failed', { error: stackOf(error) })
        answerFailed(deps, { req, res, realm }, isCurfewError(error, 'CURFEW_STORE_UNAVAILABLE'))
      }
    },
  }
}

/** False when another browser answered the page of this request: it begins again here, answered by the redirect. */
async function checkReturn(
  { provider }: Engine,
  realm: Realm,
  { req, isReturn }: Extract<Mounted, { kind: 'run' }>,
  res: ServerResponse,
): Promise<boolean> {
  const uid = isReturn ? readCookie(req.headers.cookie, provider.cookieName('resume')) : undefined
  const interaction = uid === undefined ? undefined : await provider.Interaction.find(uid)
  const result: (InteractionResults & Partial<ReturnBinding>) | undefined = interaction?.result
  // without an answer there is nothing to go on with, which the engine says
  if (!interaction || !result) return true
  if (mayReturn(req, realm, interaction.uid, result)) {
    res.setHeader('set-cookie', clearReturn(realm, interaction.uid))
    return true
  }
  const headers = { location: againUrl(realm.issuer, interaction.params), 'cache-control': 'no-store' }
  res.writeHead(303, headers).end()
  return false
}

/** The request was taken from the HTTP server, so nobody else would answer it: the caller would wait for ever. */
function answerFailed(
  deps: Pick<OpDeps, 'renderErrorPage' | 'random'>,
  { req, res, realm }: { readonly req: IncomingMessage; readonly res: ServerResponse; readonly realm: Realm },
  isAway: boolean,
): void {
  if (res.headersSent) {
    res.destroy()
    return
  }
  for (const name of ['set-cookie', 'location']) res.removeHeader(name)
  const { status, reason, body, ...fault } = faultAnswer(isAway)
  const headers = { 'cache-control': 'no-store', connection: 'close', ...fault.headers }
  if (req.headers.accept?.includes('text/html')) {
    const reference = errorReference(deps.random)
    const asked = { realm, reason, reference, headers: req.headers, uiLocales: undefined }
    const page = deps.renderErrorPage(asked)
    res.writeHead(status, { ...page.headers, ...headers, 'content-type': 'text/html; charset=utf-8' })
    res.end(page.html)
    return
  }
  res.writeHead(status, { ...headers, 'content-type': 'application/json' })
  res.end(JSON.stringify(body))
}

function stackOf(error: unknown): string | undefined {
  return error instanceof Error ? error.stack : String(error)
}

/** Only narrows what is read of a session; the engine judges the parameter. */
function clientIdOf(path: string): string | undefined {
  const mark = path.indexOf('?')
  return mark < 0 ? undefined : (new URLSearchParams(path.slice(mark + 1)).get('client_id') ?? undefined)
}
