/**
 * The end-session endpoint: GET and POST `/protocol/openid-connect/logout`, the question, and its answer.
 *
 * @see OpenID Connect RP-Initiated Logout 1.0 §2, §3; keycloak-dialect.md §2
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Instant } from '../ambient/clock.ts'
import { readParameters } from '../http/parameters.ts'
import { answerPreflight } from '../op/cors.ts'
import { realmOf } from '../op/endpoint.ts'
import { sessionCookieName } from '../op/engine-cookie.ts'
import { legacyLogout } from '../op/legacy-logout.ts'
import type { Realm } from '../realm/realm.ts'
import { applicationName } from '../rp/client.ts'
import { matchPostLogoutUri } from '../rp/redirect-uri.ts'
import { findKeptRequest, keepRequest } from '../sign-out/trigger/continued-request.ts'
import {
  decideEndSession,
  type EndSessionRefusal,
  type ReturnTo,
} from '../sign-out/trigger/decide-end-session.ts'
import type { EndSessionError } from '../sign-out/trigger/end-session-event.ts'
import { askEndSession } from '../sign-out/trigger/end-session-question.ts'
import {
  type EndSessionParameters,
  type EndSessionSettings,
  type GatheredFacts,
  readEndSessionFacts,
} from '../sign-out/trigger/read-end-session-facts.ts'
import { returnAddress } from '../sign-out/trigger/return-address.ts'
import { answerConfirm } from './answer-confirm.ts'
import { answerSignedOut } from './answer-signed-out.ts'
import { askQuestion } from './ask-question.ts'
import { endNow } from './end-now.ts'
import { endedPage } from './ended-page.ts'
import type { ErrorPageKind } from './error-page.ts'
import { localUrl, webUrl } from './html.ts'
import { noteLegacyRedirect } from './note-legacy-redirect.ts'
import { frameOf, parametersOf, realmOfPage, sendErrorPage, sendPage } from './page-answer.ts'
import { readCookie } from './page-cookie.ts'
import { endSessionPath } from './page-path.ts'
import {
  type ApplicationLink,
  applicationLink,
  recordRefusal,
  type SignOutCall,
  type SignOutPageDeps,
} from './sign-out-call.ts'
import { readWhyEnded } from './why-ended.ts'

/** The longest hint that is read (16 KB), a return address and a state beside it. */
const keptLengthMax = 24_000

export function registerEndSession(app: FastifyInstance, deps: SignOutPageDeps): void {
  const path = '/realms/:realm/protocol/openid-connect/logout'
  app.get(path, (request, reply) => endSession(deps, request, reply))
  app.post(path, (request, reply) => endSession(deps, request, reply))
  app.post(`${path}/logout-confirm`, (request, reply) => answerConfirm(deps, request, reply))
  // KR-12: a script that signs out with its refresh token may send headers of its own
  app.options(path, async (request, reply) => {
    const realm = await realmOf(deps, request, reply)
    return realm ? answerPreflight(request, reply, realm) : reply
  })
}

async function endSession(
  deps: SignOutPageDeps,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const realm = await realmOfPage(deps, request, reply)
  if (!realm) return reply
  const at = deps.ambient.clock.now()
  if (request.body !== undefined && !(request.body instanceof URLSearchParams)) {
    return sendErrorPage({ ...deps, realm, request, reply }, { kind: 'request' }, { status: 415 })
  }
  const read = readParameters(parametersOf(request))
  if (!read.ok) return refuseRepeated({ deps, realm, request, reply, at }, read.duplicate)
  if (request.method === 'POST' && read.values['refresh_token'] !== undefined) {
    return legacyLogout(deps, realm, request, reply, read.values)
  }
  const sessionCookie = readCookie(request, sessionCookieName(realm))
  if (isCrossSitePost(request, realm, sessionCookie)) {
    const asked = wanted(read.values)
    // anybody may have this stored, so no more of it than a request can mean
    if (JSON.stringify(asked).length > keptLengthMax)
      return sendErrorPage({ ...deps, realm, request, reply }, { kind: 'request' }, { status: 413 })
    const handle = await keepRequest(deps, realm, asked, at)
    return reply.redirect(`${endSessionPath(realm)}?continue=${handle}`, 303)
  }
  const parameters = await parametersOrKept(deps, realm, read.values, at)
  const gathered = await readEndSessionFacts(
    deps.store.read,
    realm,
    { parameters, sessionCookie, settings: endSessionSettings(deps) },
    at,
  )
  return decide({ deps, realm, request, reply, parameters, at }, gathered)
}

/** KL-50: on unless the operator switches it off. */
function endSessionSettings({ settings }: SignOutPageDeps): EndSessionSettings {
  return { legacyRedirectUri: settings.legacyRedirectUri ?? true }
}

async function decide(call: SignOutCall, gathered: GatheredFacts): Promise<FastifyReply> {
  const decision = decideEndSession(gathered.facts)
  noteLegacyRedirect(call, gathered)
  switch (decision.kind) {
    case 'refuse':
      return refuse(call, gathered, decision.refusal)
    case 'already_signed_out':
      if (decision.isHintOfEndedSession) record(call, gathered, 'hint_session_gone')
      return showAlready(call, decision.returnTo)
    case 'confirm':
      return askQuestion(call, {
        ...decision,
        // the old form names nobody; the registered address it goes back to says where it began (KL-52)
        clientId: gathered.client?.clientId ?? decision.returnTo?.clientId,
      })
    case 'sign_out_now': {
      const { hint } = gathered.facts
      const clientId = gathered.client?.clientId ?? (hint.kind === 'good' ? hint.clientId : undefined)
      const { sessionUid, returnTo } = decision
      const { browserSession } = gathered
      const of = { clientId, returnTo, accountId: browserSession?.accountId }
      const ended = await endNow(call, { ...of, sessionUid, hasBrowser: browserSession !== undefined })
      if (!ended) return showAlready(call, returnTo)
      const browserSessionUid = browserSession?.uid
      return answerSignedOut(call, {
        ...of,
        ...ended,
        endedSessionUid: sessionUid,
        browserSessionUid,
        isOneSession: true,
      })
    }
  }
}

/** RIL-24: nobody to sign out is a success. */
async function showAlready(
  { deps, realm, request, reply, parameters, at }: SignOutCall,
  returnTo: ReturnTo | undefined,
): Promise<FastifyReply> {
  const address = returnTo && returnAddress(returnTo.uri, parameters.state)
  if (address && returnTo.isFollowed) return reply.redirect(address, request.method === 'POST' ? 303 : 302)
  const url = webUrl(address)
  const back = url &&
    returnTo && { application: applicationName(realm.clients.get(returnTo.clientId), returnTo.clientId), url }
  const cookie = readCookie(request, sessionCookieName(realm))
  const why = (await readWhyEnded(deps.store.read, realm, cookie, at)) ?? ({ kind: 'already' } as const)
  const frame = frameOf(deps.settings, realm, request, { uiLocales: parameters.ui_locales })
  return sendPage(reply, deps.settings, 200, endedPage(frame, { why, back }))
}

const errorPages: Readonly<Record<EndSessionRefusal, ErrorPageKind>> = {
  client_missing: 'unnamed',
  hint_bad: 'hint',
  client_mismatch: 'hint',
  client_unknown: 'client',
  redirect_not_registered: 'redirect',
}

/** KL-10 to KL-14: the session lives, the bad address is not even a link, and the person may still sign out. */
async function refuse(
  call: SignOutCall,
  gathered: GatheredFacts,
  refusal: EndSessionRefusal,
): Promise<FastifyReply> {
  const { deps, realm, request, reply, parameters } = call
  const reference = record(call, gathered, refusal)
  const sessionUid = gathered.browserSession?.uid
  const signOutWithout =
    sessionUid === undefined
      ? undefined
      : {
          action: localUrl(`${endSessionPath(realm)}/logout-confirm`),
          token: await askEndSession(deps, realm, {
            sessionUid,
            clientId: gathered.client?.clientId,
            uiLocales: parameters.ui_locales,
            isForSomebodyElse: false,
            isWithoutCookie: false,
            askedAt: call.at,
          }),
        }
  const isSignedOut = sessionUid === undefined
  const back = isSignedOut ? ownPageOfAsker(call, gathered) : undefined
  const page = { kind: errorPages[refusal], reference, signOutWithout, isSignedOut, back }
  return sendErrorPage({ settings: deps.settings, realm, request, reply }, page, {
    uiLocales: parameters.ui_locales,
  })
}

/**
 * The old form names nobody, and KL-53 follows no wildcard. Whoever registered one that fits has a page of its own,
 * and that one is safe to offer.
 */
function ownPageOfAsker({ realm }: SignOutCall, { facts }: GatheredFacts): ApplicationLink | undefined {
  const { redirect } = facts
  if (redirect.kind !== 'legacy') return undefined
  const clients = [...realm.clients.values()].filter((client) => !client.isDeleted)
  return applicationLink(clients.find((client) => matchPostLogoutUri(client, redirect.uri) !== undefined))
}

function refuseRepeated(call: Omit<SignOutCall, 'parameters'>, parameter: string): FastifyReply {
  const reference = recordRefusal(call, 'parameter_repeated', {
    clientId: undefined,
    sessionUid: undefined,
    parameter,
  })
  return sendErrorPage({ ...call, settings: call.deps.settings }, { kind: 'request', reference })
}

function record(call: SignOutCall, { facts, browserSession }: GatheredFacts, error: EndSessionError): string {
  return recordRefusal(call, error, {
    facts,
    clientId: call.parameters.client_id,
    sessionUid: browserSession?.uid,
  })
}

/**
 * SR-21. A browser says `Sec-Fetch-Site`, an old one at least `Origin`; an application's back end says neither
 * and is answered at once (KK-64).
 */
function isCrossSitePost(request: FastifyRequest, realm: Realm, sessionCookie: string | undefined): boolean {
  if (request.method !== 'POST' || sessionCookie !== undefined) return false
  const site = request.headers['sec-fetch-site']
  if (site !== undefined) return site === 'cross-site'
  const { origin } = request.headers
  return origin !== undefined && origin !== new URL(realm.issuer).origin
}

async function parametersOrKept(
  deps: SignOutPageDeps,
  realm: Realm,
  values: Readonly<Record<string, string>>,
  at: Instant,
): Promise<EndSessionParameters> {
  const handle = values['continue']
  const on = { on: deps.store.read, secret: deps.secret }
  const kept = handle === undefined ? undefined : await findKeptRequest(on, realm, handle, at)
  return kept ?? wanted(values)
}

const names = [
  'id_token_hint',
  'client_id',
  'post_logout_redirect_uri',
  'redirect_uri',
  'state',
  'ui_locales',
] as const

/** Only what is read is kept; logout_hint proves nothing and is not (RIL-07). */
function wanted(values: Readonly<Record<string, string>>): EndSessionParameters {
  const found = names.flatMap((name) => (values[name] === undefined ? [] : [[name, values[name]] as const]))
  return Object.fromEntries(found)
}
