/**
 * Koa middleware around every route of the engine: what the engine prepared is committed first and answered
 * second (engine.md §8). When the commit finds that the request lost, the prepared response is dropped.
 */
import type { KoaContextWithOIDC } from 'oidc-provider'
import { isCurfewError } from '../errors.ts'
import { recordEventAlone } from '../event/record-event.ts'
import type { ServerSecret } from '../key/seal.ts'
import { artifactHash } from './adapter/artifact-hash.ts'
import { corsHeaders } from './cors.ts'
import { sessionCookieName } from './engine-cookie.ts'
import { type RenderErrorPage, sendErrorPage } from './engine-error.ts'
import { explainRefresh } from './explain-refresh.ts'
import { faultAnswer } from './fault-answer.ts'
import { errorEvent, successEvent } from './op-event.ts'
import { isPasswordGrant, isPasswordRefused, passwordGrantOff } from './password-grant.ts'
import { answerRefusal } from './refusal-response.ts'
import { stateSetCookie } from './session-frame/frame-cookie.ts'
import { addSessionState, isSessionFrameOn, sessionStateOf } from './session-frame/session-state.ts'
import { tokenErrorMembers } from './token-error.ts'
import { completeTokenResponse, refreshErrorDescription } from './token-response.ts'
import { type CommitDeps, commit, type DerivedFrom } from './unit-of-work/commit.ts'
import { currentWork, hasWrites, type Payload, type UnitOfWork } from './unit-of-work/unit-of-work.ts'

export interface CommitResponseDeps extends CommitDeps {
  readonly secret: ServerSecret
  readonly renderErrorPage: RenderErrorPage
}

type Next = () => Promise<unknown>

export function commitResponse(deps: CommitResponseDeps) {
  return async (ctx: KoaContextWithOIDC, next: Next): Promise<void> => {
    await next()
    // undefined when no route matched
    if (!ctx.oidc) return
    try {
      await commitPrepared(deps, ctx, currentWork())
    } catch (error) {
      answerFault(deps, ctx, error)
    }
  }
}

async function commitPrepared(
  deps: CommitResponseDeps,
  ctx: KoaContextWithOIDC,
  work: UnitOfWork,
): Promise<void> {
  if (ctx.status >= 500) {
    // a fault of ours or of the database: nothing is written
    if (isCurfewError(work.fault, 'CURFEW_STORE_UNAVAILABLE')) answerFault(deps, ctx, work.fault)
    return
  }
  const from = await prepare(deps, ctx, work)
  if (!hasWrites(work) && from.sessionUid === undefined && !from.givesTokens) return
  const result = await commit(deps, work, from)
  if (!result.ok) await answerRefusal(deps, ctx, work, result.refusal)
}

async function prepare(
  deps: CommitResponseDeps,
  ctx: KoaContextWithOIDC,
  work: UnitOfWork,
): Promise<DerivedFrom> {
  const from = derivedFrom(ctx, work)
  if (work.engineError) await describeError(deps, ctx, work)
  if (work.engineError && ctx.oidc.route !== 'token')
    addSessionState(ctx, sessionStateOf(deps.ambient.random, work.realm, ctx))
  const success = ctx.status < 400 ? await successEvent(deps.store.read, ctx, work) : undefined
  if (success) work.events.push(success)
  keepSessionCookie(ctx, work)
  narrowCors(ctx, work)
  if (from.givesTokens) prepareTokens(deps, ctx, work)
  return from
}

/** Once the client is known, its own origins alone count (KK-22). */
function narrowCors(ctx: KoaContextWithOIDC, { realm }: UnitOfWork): void {
  const client = realm.clients.get(ctx.oidc.client?.clientId ?? '')
  const { origin } = ctx.headers
  if (client && !('access-control-allow-origin' in corsHeaders(realm, origin, client))) {
    ctx.remove('access-control-allow-origin')
    ctx.remove('access-control-allow-credentials')
  }
}

const nothing = {
  sessionUid: undefined,
  accountId: undefined,
  offlineGrantId: undefined,
  keptTokenHash: undefined,
  givesTokens: false,
} as const

function derivedFrom(ctx: KoaContextWithOIDC, work: UnitOfWork): DerivedFrom {
  if (ctx.oidc.route === 'token') return tokensFrom(ctx)
  const saved = work.savedSession
  if (!saved) return { kind: 'authorize', ...nothing }
  const { uid, accountId } = saved.payload
  const kind = work.loaded.has(uid) ? 'authorize' : 'signIn'
  return { ...nothing, kind, sessionUid: uid, accountId: String(accountId) }
}

function tokensFrom(ctx: KoaContextWithOIDC): DerivedFrom {
  const { AccessToken, RefreshToken, RotatedRefreshToken } = ctx.oidc.entities
  const kind = ctx.oidc.params?.['grant_type'] === 'refresh_token' ? 'refresh' : 'exchange'
  // a refused request may still write: the revocations of a replay
  if (ctx.status !== 200) return { kind, ...nothing }
  const isRefresh = kind === 'refresh' && RefreshToken !== undefined
  const isOffline = isRefresh && RefreshToken.expiresWithSession !== true
  const isKept = isRefresh && RotatedRefreshToken === undefined
  return {
    kind,
    sessionUid: AccessToken?.sessionUid,
    accountId: AccessToken?.accountId,
    offlineGrantId: isOffline ? RefreshToken.grantId : undefined,
    keptTokenHash: isKept ? artifactHash('RefreshToken', RefreshToken.jti) : undefined,
    givesTokens: true,
  }
}

/** The members that Keycloak's adapters add to their request (KK-53), and Keycloak's shape of the answer. */
function prepareTokens(deps: CommitResponseDeps, ctx: KoaContextWithOIDC, work: UnitOfWork): void {
  const text = (name: string): string | undefined => {
    const value = ctx.oidc.body?.[name]
    return typeof value === 'string' && value !== '' ? value : undefined
  }
  work.clientId = ctx.oidc.client?.clientId
  work.adapterSession = { id: text('client_session_state'), host: text('client_session_host') }
  completeTokenResponse(deps.secret, ctx, work)
}

/**
 * The engine sends the session cookie with every authorization. It is left out when it names no stored session,
 * and when the browser has it already; a remembered session's cookie lives as long as the session may.
 */
function keepSessionCookie(ctx: KoaContextWithOIDC, work: UnitOfWork): void {
  const header: unknown = ctx.res.getHeader('set-cookie')
  if (header === undefined) return
  const name = `${sessionCookieName(work.realm)}=`
  const lines = (Array.isArray(header) ? header : [header]) as string[]
  const saved = work.savedSession
  const isNew = saved !== undefined && !work.uidByCookie.has(saved.cookieValue)
  // a frame that is open already compares with this one (SM-12)
  if (isNew && isSessionFrameOn(work.realm)) lines.push(stateSetCookie(work.realm, saved.cookieValue))
  const isAnonymous = [...work.artifacts.values()].some(
    ({ kind, isWritten }) => kind === 'Session' && isWritten,
  )
  const kept = lines.filter((line) => isNew || isAnonymous || !line.startsWith(name))
  if (kept.length === 0) ctx.res.removeHeader('set-cookie')
  else ctx.res.setHeader('set-cookie', kept)
}

async function describeError(
  deps: CommitResponseDeps,
  ctx: KoaContextWithOIDC,
  work: UnitOfWork,
): Promise<void> {
  const at = deps.ambient.clock.now()
  let known: { accountId: string | undefined; sessionUid: string | undefined } = {
    accountId: ctx.oidc.session?.accountId,
    sessionUid: undefined,
  }
  const refreshToken = ctx.oidc.params?.['refresh_token']
  if (work.engineError?.error === 'invalid_grant' && typeof refreshToken === 'string') {
    const clientId = ctx.oidc.client?.clientId ?? ''
    const on = deps.store.read
    const refused = await explainRefresh({ on, secret: deps.secret }, work, refreshToken, clientId, at)
    work.tokenFault = refused.fault
    known = refused
    ctx.body = { ...(ctx.body as Payload), error_description: refreshErrorDescription(refused.fault) }
  } else if (work.engineError?.error === 'unsupported_grant_type' && isPasswordGrant(ctx)) {
    ctx.body = { ...(ctx.body as Payload), error_description: passwordGrantOff(work.realm) }
  } else if (work.engineError && isPasswordRefused(work.engineError)) {
    // as Keycloak; who guesses is told nothing more, and the event was written where the password was judged
    ctx.status = 401
    ctx.body = { ...(ctx.body as Payload), error_description: 'Invalid user credentials' }
    return
  } else if (work.engineError && ctx.oidc.route === 'token') {
    const grantType = String(ctx.oidc.params?.['grant_type'] ?? '')
    Object.assign(ctx.body as Payload, tokenErrorMembers(work.engineError, grantType))
  }
  const event = errorEvent(ctx, work, { accountId: known.accountId, sessionUid: known.sessionUid }, at)
  if (event) void recordEventAlone(deps, deps.store, event, at)
}

/** Nothing may throw out of here: Koa would answer with plain text (engine.md §8.3). */
function answerFault(deps: CommitResponseDeps, ctx: KoaContextWithOIDC, error: unknown): void {
  ctx.res.removeHeader('set-cookie')
  ctx.remove('location')
  const isAway = isCurfewError(error, 'CURFEW_STORE_UNAVAILABLE')
  if (!isAway) ctx.app.emit('error', error, ctx)
  const { status, reason, headers, body } = faultAnswer(isAway)
  if (ctx.oidc.route !== 'token' && ctx.accepts('json', 'html') === 'html') {
    sendErrorPage({ ...deps, random: deps.ambient.random }, ctx, reason)
  } else {
    ctx.body = { ...body }
  }
  ctx.status = status
  ctx.set(headers)
}
