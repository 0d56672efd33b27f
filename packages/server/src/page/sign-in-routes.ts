/**
 * The pages of an interaction: sign in, and consent where an application needs it. Everything works without
 * script.
 *
 * A post counts only with the interaction's own cookie, which is Lax and bound to this path, and with the token
 * of the page that was shown, so neither another site nor another interaction can post here (THR-01, ASVS 3.5.1).
 */
import { createHmac, timingSafeEqual } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { findAccountById } from '../account/find-account.ts'
import type { Ambient } from '../ambient/ambient.ts'
import type { ServerSecret } from '../key/seal.ts'
import { sessionCookieName } from '../op/engine-cookie.ts'
import type { Realm, Realms } from '../realm/realm.ts'
import { applicationName } from '../rp/client.ts'
import { findSessionByCookie } from '../session/find-session-by-cookie.ts'
import { isAlive } from '../session/session.ts'
import { type CredentialDeps, verifyCredentials } from '../sign-in/verify-credentials.ts'
import { consentPage } from './consent-page.ts'
import { type EndedPageKind, endedPage } from './ended-page.ts'
import { localUrl, type SafeUrl } from './html.ts'
import {
  formOf,
  frameOf,
  isFromOtherSite,
  type PageSettings,
  realmOfPage,
  sendErrorPage,
  sendPage,
} from './page-answer.ts'
import { readCookie } from './page-cookie.ts'
import { signInPath } from './page-path.ts'
import { type SignInProblem, signInPage } from './sign-in-page.ts'
import { readWhyEnded } from './why-ended.ts'

/** A request that waits for a person, as the engine room gives it (op/interaction.ts). */
export interface Waiting {
  readonly kind: 'waiting'
  readonly uid: string
  readonly clientId: string
  readonly prompt: 'login' | 'consent'
  readonly params: Readonly<Record<string, string>>
  readonly accountId: string | undefined
}

type NotWaiting = { readonly kind: 'restart'; readonly location: string } | { readonly kind: 'gone' }
type Completed =
  | { readonly kind: 'continue'; readonly location: string; readonly setCookie: string }
  | NotWaiting
interface Source {
  readonly ipAddress: string | undefined
  readonly userAgent: string | undefined
}
type Step = (realm: Realm, req: IncomingMessage, res: ServerResponse, source: Source) => Promise<Completed>

/** What the pages need of `op/`; compose hands it in. */
export interface PageInteractions {
  readInteraction(realm: Realm, req: IncomingMessage, res: ServerResponse): Promise<Waiting | NotWaiting>
  completeSignIn(
    realm: Realm,
    req: IncomingMessage,
    res: ServerResponse,
    signedIn: { readonly accountId: string; readonly rememberMe: boolean; readonly amr?: readonly string[] },
    source: Source,
  ): Promise<Completed>
  readonly completeConsent: Step
  readonly refuseInteraction: Step
}

export interface SignInPageDeps extends CredentialDeps {
  readonly realms: Realms
  readonly ambient: Ambient
  readonly secret: ServerSecret
  readonly interactions: PageInteractions
  readonly settings: PageSettings
}

interface Call {
  readonly deps: SignInPageDeps
  readonly realm: Realm
  readonly waiting: Waiting
  readonly request: FastifyRequest
  readonly reply: FastifyReply
}

export function registerSignInPages(app: FastifyInstance, deps: SignInPageDeps): void {
  const path = '/realms/:realm/sign-in/:interaction'
  app.get(path, async (request, reply) => {
    const call = await openCall(deps, request, reply)
    if (!call) return reply
    if (call.waiting.prompt === 'consent') return showConsent(call)
    const [login, ended] = await Promise.all([knownLogin(call), whyEnded(call)])
    return showSignIn(call, { login, rememberMe: false, ended }, 200)
  })
  app.post(path, async (request, reply) => {
    const call = await openCall(deps, request, reply)
    if (!call) return reply
    const form = formOf(request)
    if (isFromOtherSite(request) || !isTokenOf(call, form.get('csrf') ?? '')) {
      return sendErrorPage({ ...call, settings: deps.settings }, { kind: 'form' }, languageOf(call))
    }
    return call.waiting.prompt === 'consent' ? answerConsent(call, form) : answerSignIn(call, form)
  })
}

async function openCall(
  deps: SignInPageDeps,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<Call | undefined> {
  const realm = await realmOfPage(deps, request, reply)
  if (!realm) return undefined
  const found = await deps.interactions.readInteraction(realm, request.raw, reply.raw)
  const { interaction } = request.params as { interaction: string }
  if (found.kind === 'waiting' && found.uid === interaction)
    return { deps, realm, waiting: found, request, reply }
  if (found.kind === 'restart') reply.redirect(found.location, 303)
  else await showOver(deps, realm, request, reply)
  return undefined
}

/** An old page: to somebody who is signed in, as after the browser's back button, nothing went wrong. */
async function showOver(
  deps: SignInPageDeps,
  realm: Realm,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const cookie = readCookie(request, sessionCookieName(realm))
  const session =
    cookie === undefined ? undefined : await findSessionByCookie(deps.store.read, realm.id, cookie)
  if (!session || !isAlive(session, deps.ambient.clock.now())) {
    return sendErrorPage({ settings: deps.settings, realm, request, reply }, { kind: 'interaction' })
  }
  const frame = frameOf(deps.settings, realm, request)
  return sendPage(reply, deps.settings, 200, endedPage(frame, { why: { kind: 'signedIn' } }))
}

async function answerSignIn(call: Call, form: URLSearchParams): Promise<FastifyReply> {
  const { deps, realm, waiting, request, reply } = call
  const login = form.get('username') ?? ''
  const password = form.get('password') ?? ''
  const rememberMe = realm.settings.rememberMe && form.get('rememberMe') === 'on'
  const kept = { login, rememberMe }
  if (login.trim() === '' || password === '')
    return showSignIn(call, { ...kept, problem: { kind: 'missing' } }, 400)
  const eventDetails = {
    auth_method: 'openid-connect',
    ...(waiting.params['redirect_uri'] ? { redirect_uri: waiting.params['redirect_uri'] } : {}),
  }
  const source = { ipAddress: request.ip, clientId: waiting.clientId, eventDetails }
  const verified = await verifyCredentials(deps, realm, login, password, source, deps.ambient.clock.now())
  if (verified.ok) {
    const signedIn = { accountId: verified.account.id, rememberMe, amr: ['pwd'] }
    return goOn(
      call,
      await deps.interactions.completeSignIn(realm, request.raw, reply.raw, signedIn, sourceOf(request)),
    )
  }
  switch (verified.reason) {
    case 'invalid':
    case 'disabled':
      return showSignIn(call, { ...kept, problem: { kind: verified.reason } }, 400)
    case 'throttled':
    case 'busy': {
      const waitSeconds = verified.retryAfterSeconds
      reply.header('retry-after', String(waitSeconds))
      const status = verified.reason === 'busy' ? 503 : 429
      return showSignIn(call, { ...kept, problem: { kind: verified.reason, waitSeconds } }, status)
    }
  }
}

async function answerConsent(call: Call, form: URLSearchParams): Promise<FastifyReply> {
  const { deps, realm, request, reply } = call
  const step =
    form.get('action') === 'allow' ? deps.interactions.completeConsent : deps.interactions.refuseInteraction
  return goOn(call, await step(realm, request.raw, reply.raw, sourceOf(request)))
}

function goOn({ deps, realm, request, reply }: Call, completed: Completed): FastifyReply {
  if (completed.kind === 'continue') reply.header('set-cookie', completed.setCookie)
  // 303, never 307: the form with the password must not travel on (RFC 9700 §4.12)
  if (completed.kind !== 'gone') return reply.redirect(completed.location, 303)
  return sendErrorPage({ settings: deps.settings, realm, request, reply }, { kind: 'interaction' })
}

function showSignIn(
  call: Call,
  shown: {
    readonly login: string
    readonly rememberMe: boolean
    readonly problem?: SignInProblem
    readonly ended?: EndedPageKind | undefined
  },
  status: number,
): FastifyReply {
  const { deps, realm, waiting, request, reply } = call
  const page = signInPage(frameOf(deps.settings, realm, request, languageOf(call)), {
    action: actionOf(call),
    csrfToken: tokenOf(call),
    application: applicationName(realm.clients.get(waiting.clientId), waiting.clientId),
    login: shown.login.slice(0, 255),
    withEmail: realm.settings.loginWithEmailAllowed,
    rememberMe: realm.settings.rememberMe ? shown.rememberMe : undefined,
    isAgain: waiting.accountId !== undefined,
    problem: shown.problem,
    ended: shown.ended,
  })
  return sendPage(reply, deps.settings, status, page, { redirectUri: waiting.params['redirect_uri'] })
}

function showConsent(call: Call): FastifyReply {
  const { deps, realm, waiting, request, reply } = call
  const page = consentPage(frameOf(deps.settings, realm, request, languageOf(call)), {
    action: actionOf(call),
    csrfToken: tokenOf(call),
    application: applicationName(realm.clients.get(waiting.clientId), waiting.clientId),
    scopes: (waiting.params['scope'] ?? '').split(' ').filter(Boolean),
  })
  return sendPage(reply, deps.settings, 200, page, { redirectUri: waiting.params['redirect_uri'] })
}

/** Somebody who is asked again is signed in: nothing has ended. */
function whyEnded({ deps, realm, waiting, request }: Call): Promise<EndedPageKind | undefined> {
  const cookie = waiting.accountId === undefined ? readCookie(request, sessionCookieName(realm)) : undefined
  return readWhyEnded(deps.store.read, realm, cookie, deps.ambient.clock.now())
}

/** What the application says, else the person who is to sign in again. */
async function knownLogin({ deps, realm, waiting }: Call): Promise<string> {
  const hint = waiting.params['login_hint']
  if (hint !== undefined || waiting.accountId === undefined) return hint ?? ''
  return (await findAccountById(deps.store.read, realm.id, waiting.accountId))?.username ?? ''
}

function languageOf({ waiting }: Call): { uiLocales: string | undefined } {
  return { uiLocales: waiting.params['ui_locales'] }
}

function actionOf({ realm, waiting }: Call): SafeUrl {
  return localUrl(signInPath(realm, waiting.uid))
}

function tokenOf({ deps, realm, waiting }: Call): string {
  const mac = createHmac('sha256', deps.secret.derive('sign-in-form'))
  return mac.update(`${realm.id}\n${waiting.uid}\n${waiting.prompt}`).digest('base64url')
}

function isTokenOf(call: Call, given: string): boolean {
  const expected = Buffer.from(tokenOf(call))
  const actual = Buffer.from(given)
  return actual.length === expected.length && timingSafeEqual(actual, expected)
}

function sourceOf(request: FastifyRequest): Source {
  return { ipAddress: request.ip, userAgent: request.headers['user-agent']?.slice(0, 512) }
}
