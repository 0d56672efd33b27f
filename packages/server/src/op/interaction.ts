/**
 * What the pages of a sign-in need: the request that waits, and how to let it go on (engine.md §8.4). Each call
 * is a unit of work of its own, committed before it returns.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { errors, type InteractionResults } from 'oidc-provider'
import type { Instant } from '../ambient/clock.ts'
import { readCookie } from '../http/read-cookie.ts'
import type { Realm } from '../realm/realm.ts'
import { type SignOutDeps, signOut } from '../sign-out/sign-out.ts'
import type { Engine, Engines } from './engine.ts'
import { againUrl } from './refusal-response.ts'
import { bindReturn } from './return-cookie.ts'
import { type CommitDeps, commit } from './unit-of-work/commit.ts'
import { beginWork, type RequestSource, runInWork, type UnitOfWork } from './unit-of-work/unit-of-work.ts'

export interface WaitingInteraction {
  readonly kind: 'waiting'
  readonly uid: string
  readonly clientId: string
  /** Why a page is shown. */
  readonly prompt: 'login' | 'consent'
  /** The parameters of the authorization request that a page may use: `login_hint`, `ui_locales`, `kc_idp_hint`, … */
  readonly params: Readonly<Record<string, string>>
  /** Who is signed in in this browser; asked to sign in again (`prompt=login`, `max_age`). */
  readonly accountId: string | undefined
}

export type ReadInteraction =
  | WaitingInteraction
  /** The session of the request ended meanwhile: send the browser here, the request begins again. */
  | { readonly kind: 'restart'; readonly location: string }
  /** Expired, finished, or of another browser. */
  | { readonly kind: 'gone' }

export interface SignedIn {
  readonly accountId: string
  readonly rememberMe: boolean
  /** Authentication methods, RFC 8176: `pwd`, `otp`, … */
  readonly amr?: readonly string[]
  readonly acr?: string
}

export type CompletedInteraction =
  /** Send the browser here, by 303, with the cookie that lets it go on. */
  | { readonly kind: 'continue'; readonly location: string; readonly setCookie: string }
  | Exclude<ReadInteraction, WaitingInteraction>

/** `req` carries the interaction's cookie, which is bound to the path of the page. */
export interface Interactions {
  readInteraction(realm: Realm, req: IncomingMessage, res: ServerResponse): Promise<ReadInteraction>
  /**
   * Lets the request go on for the person who has proven to be this account. If somebody else was signed in in
   * this browser, that session is signed out first, with everybody told.
   */
  completeSignIn(
    realm: Realm,
    req: IncomingMessage,
    res: ServerResponse,
    signedIn: SignedIn,
    source: RequestSource,
  ): Promise<CompletedInteraction>
  /** The person agrees to what the application asks for. */
  completeConsent(
    realm: Realm,
    req: IncomingMessage,
    res: ServerResponse,
    source: RequestSource,
  ): Promise<CompletedInteraction>
  /** The person does not want to: the application gets `access_denied`. */
  refuseInteraction(
    realm: Realm,
    req: IncomingMessage,
    res: ServerResponse,
    source: RequestSource,
  ): Promise<CompletedInteraction>
}

type Found = Awaited<ReturnType<Engine['provider']['interactionDetails']>>
type Step = (engine: Engine, work: UnitOfWork, found: Found) => Promise<InteractionResults>

export function createInteractions(deps: CommitDeps & SignOutDeps, engines: Engines): Interactions {
  async function inWork<T>(
    realm: Realm,
    source: RequestSource,
    run: (engine: Engine, work: UnitOfWork) => Promise<T>,
  ): Promise<T> {
    const at: Instant = deps.ambient.clock.now()
    const work = beginWork(realm, source, undefined, at)
    return runInWork(work, () => run(engines.engineOf(realm, at), work))
  }

  function complete(
    realm: Realm,
    req: IncomingMessage,
    res: ServerResponse,
    source: RequestSource,
    step: Step,
  ): Promise<CompletedInteraction> {
    return inWork(realm, source, async (engine, work) => {
      const found = await find(engine, realm, req, res)
      if ('kind' in found && found.kind !== 'Interaction') return found
      const result = await step(engine, work, found as Found)
      const { setCookie, binding } = bindReturn(deps.ambient.random, realm, (found as Found).uid)
      const location = await engine.provider.interactionResult(req, res, { ...result, ...binding })
      await commit(deps, work, {
        kind: 'authorize',
        sessionUid: undefined,
        accountId: undefined,
        offlineGrantId: undefined,
        keptTokenHash: undefined,
        givesTokens: false,
      })
      return { kind: 'continue', location, setCookie }
    })
  }

  return {
    readInteraction: (realm, req, res) =>
      inWork(realm, { ipAddress: undefined, userAgent: undefined }, async (engine) => {
        const found = await find(engine, realm, req, res)
        return 'params' in found ? waiting(found) : found
      }),
    completeSignIn: (realm, req, res, signedIn, source) =>
      complete(realm, req, res, source, async (_engine, _work, found) => {
        await endOtherSession(deps, realm, found, signedIn.accountId, source)
        const { accountId, rememberMe, amr, acr = '1' } = signedIn
        return { login: { accountId, remember: rememberMe, acr, ...(amr ? { amr: [...amr] } : {}) } }
      }),
    completeConsent: (realm, req, res, source) =>
      complete(realm, req, res, source, (engine, _work, found) => giveConsent(engine, found)),
    refuseInteraction: (realm, req, res, source) =>
      complete(realm, req, res, source, async () => ({ error: 'access_denied' })),
  }
}

/** The waiting request of this browser, or what to do when there is none. */
async function find(
  { provider }: Engine,
  realm: Realm,
  req: IncomingMessage,
  res: ServerResponse,
): Promise<Found | Exclude<ReadInteraction, WaitingInteraction>> {
  try {
    return await provider.interactionDetails(req, res)
  } catch (error) {
    if (!(error instanceof errors.SessionNotFound)) throw error
    const uid = readCookie(req.headers.cookie, provider.cookieName('interaction'))
    const interaction = uid === undefined ? undefined : await provider.Interaction.find(uid)
    return interaction
      ? { kind: 'restart', location: againUrl(realm.issuer, interaction.params) }
      : { kind: 'gone' }
  }
}

function waiting(found: Found): WaitingInteraction {
  const params = Object.entries(found.params).filter(
    (entry): entry is [string, string] => typeof entry[1] === 'string',
  )
  return {
    kind: 'waiting',
    uid: found.uid,
    clientId: String(found.params['client_id']),
    prompt: found.prompt.name === 'consent' ? 'consent' : 'login',
    params: Object.fromEntries(params),
    accountId: found.session?.accountId,
  }
}

/**
 * Another person signs in over a live session. The engine would post to its own sign-out; ours comes first, and
 * the interaction forgets the old session, so that the return finds none (engine.md §9).
 */
async function endOtherSession(
  deps: SignOutDeps,
  realm: Realm,
  found: Found,
  accountId: string,
  source: RequestSource,
): Promise<void> {
  const { session } = found
  if (!session?.uid || session.accountId === accountId) return
  await signOut(deps, {
    realmId: realm.id,
    scope: { kind: 'session', sessionUid: session.uid },
    kind: 'ordinary',
    cause: 'account_switched',
    initiator: 'user',
    actor: { accountId, ipAddress: source.ipAddress },
    // the browser goes on to the application and never sees the page with the frames (KN-12)
    hasBrowser: false,
  })
  delete (session as { uid?: string }).uid
  await found.persist()
}

/** A grant for person and application, kept until it is withdrawn. */
async function giveConsent({ provider }: Engine, found: Found): Promise<InteractionResults> {
  const accountId = found.session?.accountId
  const clientId = String(found.params['client_id'])
  if (accountId === undefined) throw new TypeError('consent is asked for after the sign-in')
  const scope = String(found.params['scope'] ?? '')
  const grant = new provider.Grant({ accountId, clientId })
  grant.addOIDCScope(scope)
  grant.addResourceScope(String(found.params['resource']), scope)
  return { consent: { grantId: await grant.save() } }
}
