/** The protocol's own answer when the commit found that the request came too late (engine.md §8.3). */
import type { KoaContextWithOIDC } from 'oidc-provider'
import { recordEventAlone } from '../event/record-event.ts'
import { findEndOfSession } from './find-end-of-session.ts'
import { errorEvent } from './op-event.ts'
import { sendAuthorizationError } from './response-mode.ts'
import type { TokenFault } from './token-fault.ts'
import type { CommitDeps } from './unit-of-work/commit.ts'
import type { Refusal } from './unit-of-work/refusal.ts'
import type { UnitOfWork } from './unit-of-work/unit-of-work.ts'

/** Marks a request that runs a second time, so that it does not run a third. */
export const secondRunParameter = 'curfew_again'

export async function answerRefusal(
  deps: CommitDeps,
  ctx: KoaContextWithOIDC,
  work: UnitOfWork,
  refusal: Refusal,
): Promise<void> {
  const at = deps.ambient.clock.now()
  ctx.res.removeHeader('set-cookie')
  ctx.remove('location')
  ctx.body = null
  const sessionUid = ctx.oidc.entities.AccessToken?.sessionUid ?? work.savedSession?.payload.uid
  const accountId = ctx.oidc.entities.AccessToken?.accountId ?? ctx.oidc.session?.accountId
  if (ctx.oidc.route === 'token') {
    work.tokenFault = await faultOf(deps, work, refusal, sessionUid)
    answerToken(ctx, refusal)
  } else {
    answerAuthorization(ctx, work, refusal)
  }
  work.engineError ??= {
    error: ctx.oidc.route === 'token' ? 'invalid_grant' : 'login_required',
    error_detail: sentences[refusal.reason],
  }
  const event = errorEvent(ctx, work, { accountId, sessionUid }, at)
  if (event) await recordEventAlone(deps, deps.store, event, at)
}

function answerToken(ctx: KoaContextWithOIDC, refusal: Refusal): void {
  ctx.status = 400
  ctx.body = { error: 'invalid_grant', error_description: descriptionOf(refusal) }
}

function descriptionOf({ reason }: Refusal): string {
  switch (reason) {
    case 'session_ended':
    case 'session_expired':
    case 'other_client_session':
      return 'Session not active'
    case 'grant_gone':
      return 'Offline user session not found'
    case 'account_disabled':
      return 'User disabled'
    case 'already_used':
      return 'Token is not active'
  }
}

const sentences: Readonly<Record<Refusal['reason'], string>> = {
  session_ended: 'the session ended while the request was on its way',
  session_expired: 'the session reached its idle time or its greatest age',
  account_disabled: 'the account is disabled or deleted',
  already_used: 'another request used the same code or token at the same moment',
  grant_gone: 'the offline grant was withdrawn',
  other_client_session: 'another request opened the application in this session at the same moment',
}

async function faultOf(
  { store }: CommitDeps,
  _work: UnitOfWork,
  refusal: Refusal,
  sessionUid: string | undefined,
): Promise<TokenFault | undefined> {
  switch (refusal.reason) {
    case 'session_ended':
      return {
        reason: 'session_ended',
        end: sessionUid ? await findEndOfSession(store.read, sessionUid) : undefined,
      }
    case 'session_expired':
      return { reason: 'session_expired' }
    case 'account_disabled':
      return { reason: 'account_disabled' }
    case 'grant_gone':
      return { reason: 'revoked' }
    case 'already_used':
    case 'other_client_session':
      return undefined
  }
}

/**
 * The session ended, or another request was first: nothing was committed, so the request runs again and meets
 * things as they are, the sign-in page included. Where no page may be shown, or at the second time, the
 * application gets the answer.
 */
function answerAuthorization(ctx: KoaContextWithOIDC, work: UnitOfWork, refusal: Refusal): void {
  const { params } = ctx.oidc
  const isSecond = ctx.URL.searchParams.has(secondRunParameter)
  const isRace = refusal.reason === 'other_client_session' || refusal.reason === 'already_used'
  if (!isSecond && (isRace || params?.['prompt'] !== 'none')) {
    ctx.redirect(againUrl(work.realm.issuer, params ?? {}))
    ctx.status = 303
    return
  }
  const redirectUri = params?.['redirect_uri']
  if (typeof redirectUri !== 'string') {
    ctx.status = 400
    ctx.body = { error: 'invalid_request', error_description: 'The sign-in ended meanwhile. Start it again.' }
    return
  }
  sendAuthorizationError(ctx, redirectUri, ctx.oidc.responseMode, {
    error: isRace ? 'temporarily_unavailable' : 'login_required',
    error_description: isRace ? 'Another request was first. Try again.' : 'The session is over.',
    state: typeof params?.['state'] === 'string' ? params['state'] : undefined,
    iss: work.realm.issuer,
  })
}

/** The authorization request of these parameters, marked as the second run. */
export function againUrl(issuer: string, params: Readonly<Record<string, unknown>>): string {
  const entries = Object.entries(params).filter(
    (entry): entry is [string, string] => typeof entry[1] === 'string' && entry[0] !== 'resource',
  )
  const query = new URLSearchParams([...entries, [secondRunParameter, '1']])
  return `${issuer}/protocol/openid-connect/auth?${query}`
}
