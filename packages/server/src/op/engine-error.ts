/** Authorization requests that cannot be answered by a redirect: a page for people, JSON for programs. */
import { errors, type KoaContextWithOIDC } from 'oidc-provider'
import type { Random } from '../ambient/random.ts'
import { isCurfewError } from '../errors.ts'
import type { Realm } from '../realm/realm.ts'
import { againUrl } from './refusal-response.ts'
import { currentWork, errorReference } from './unit-of-work/unit-of-work.ts'

/** What kind of page: the client is unknown, the address is not registered, the request is bad, the sign-in is over. */
export type ErrorPageReason = 'client' | 'redirect' | 'request' | 'interaction' | 'unavailable' | 'server'

export interface ErrorPageRequest {
  readonly realm: Realm
  readonly reason: ErrorPageReason
  /** What support searches for. */
  readonly reference: string
  /** What the browser sent: the language that was chosen there is in a cookie of the pages. */
  readonly headers: { readonly cookie?: string | undefined; readonly 'accept-language'?: string | undefined }
  readonly uiLocales: string | undefined
}

/** Handed in by compose, because `page/` stands beside this folder. */
export type RenderErrorPage = (request: ErrorPageRequest) => {
  readonly html: string
  readonly headers: Readonly<Record<string, string>>
}

export interface ErrorPageDeps {
  readonly renderErrorPage: RenderErrorPage
  readonly random: Random
}

export function renderEngineError(deps: ErrorPageDeps) {
  return async (ctx: KoaContextWithOIDC, out: { readonly error: string }, error: Error): Promise<void> => {
    const { realm } = currentWork()
    const interaction = ctx.oidc.entities.Interaction
    if (error instanceof errors.SessionNotFound && interaction) {
      // signed out in another tab meanwhile: the authorization begins again from its own parameters (engine.md §8.4)
      ctx.redirect(againUrl(realm.issuer, interaction.params))
      ctx.status = 303
      return
    }
    if (ctx.accepts('json', 'html') !== 'html') {
      ctx.body = out
      return
    }
    sendErrorPage(deps, ctx, reasonOf(error, ctx.status))
  }
}

/** The status is the caller's. */
export function sendErrorPage(deps: ErrorPageDeps, ctx: KoaContextWithOIDC, reason: ErrorPageReason): void {
  const page = deps.renderErrorPage({
    realm: currentWork().realm,
    reason,
    reference: errorReference(deps.random),
    headers: ctx.headers,
    uiLocales: typeof ctx.query['ui_locales'] === 'string' ? ctx.query['ui_locales'] : undefined,
  })
  ctx.set({ ...page.headers })
  ctx.type = 'html'
  ctx.body = page.html
}

function reasonOf(error: Error, status: number): ErrorPageReason {
  if (error instanceof errors.InvalidClient) return 'client'
  if (error instanceof errors.InvalidRedirectUri) return 'redirect'
  if (error instanceof errors.SessionNotFound) return 'interaction'
  if (isCurfewError(error, 'CURFEW_STORE_UNAVAILABLE')) return 'unavailable'
  return status >= 500 ? 'server' : 'request'
}
