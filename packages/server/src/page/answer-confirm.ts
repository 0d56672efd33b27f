/** The answer to the question: POST `/logout/logout-confirm` (RIL-17, RIL-28, KL-36 to KL-39). */
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Instant } from '../ambient/clock.ts'
import { sessionCookieName } from '../op/engine-cookie.ts'
import { findSessionByCookie } from '../session/find-session-by-cookie.ts'
import { readSession } from '../session/read-session.ts'
import { isAlive, type Session } from '../session/session.ts'
import { signOut } from '../sign-out/sign-out.ts'
import type { SignOutResult, SignOutScope } from '../sign-out/sign-out-command.ts'
import {
  closeEndSessionQuestion,
  type EndSessionQuestion,
  readEndSessionQuestion,
} from '../sign-out/trigger/end-session-question.ts'
import { answerSignedOut } from './answer-signed-out.ts'
import { askQuestion } from './ask-question.ts'
import { endedPage } from './ended-page.ts'
import { formOf, frameOf, isFromOtherSite, realmOfPage, sendErrorPage, sendPage } from './page-answer.ts'
import { readCookie } from './page-cookie.ts'
import { applicationLink, recordRefusal, type SignOutCall, type SignOutPageDeps } from './sign-out-call.ts'

interface ConfirmCall extends SignOutCall {
  readonly token: string
  readonly action: string
  readonly question: EndSessionQuestion
}

export async function answerConfirm(
  deps: SignOutPageDeps,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const realm = await realmOfPage(deps, request, reply)
  if (!realm) return reply
  const at = deps.ambient.clock.now()
  const form = formOf(request)
  const token = form.get('token') ?? ''
  const cookie = readCookie(request, sessionCookieName(realm))
  const session =
    cookie === undefined ? undefined : await findSessionByCookie(deps.store.read, realm.id, cookie)
  const browserSessionUid = session && isAlive(session, at) ? session.uid : undefined
  const read = isFromOtherSite(request)
    ? ({ kind: 'tampered' } as const)
    : await readEndSessionQuestion(deps.store.read, realm, { token, browserSessionUid }, at)
  const base = { deps, realm, request, reply, at }
  if (read.kind === 'tampered') {
    const context = { clientId: undefined, sessionUid: browserSessionUid }
    const reference = recordRefusal(base, 'form_tampered', context)
    return sendErrorPage({ ...base, settings: deps.settings }, { kind: 'form', reference })
  }
  const { question } = read
  const parameters = { state: question.state, ui_locales: question.uiLocales, client_id: question.clientId }
  const call: ConfirmCall = { ...base, parameters, token, action: form.get('action') ?? '', question }
  if (read.kind === 'answered') return answerSecondClick(call, read.signOutId)
  if (read.kind !== 'open') return askAgain(call, read.kind)
  return call.action === 'cancel' ? stay(call) : end(call)
}

/** KL-39: one sign-out, and its result. */
function answerSecondClick(
  call: ConfirmCall,
  signOutId: string | undefined,
): FastifyReply | Promise<FastifyReply> {
  if (signOutId === undefined) return showStay(call)
  const { clientId, returnTo } = call.question
  return answerSignedOut(call, {
    signOutId,
    accountId: undefined,
    clientId,
    returnTo,
    endedSessionUid: undefined,
    isOneSession: false,
  })
}

function askAgain(call: ConfirmCall, kind: 'too_old' | 'much_too_old'): Promise<FastifyReply> {
  const { sessionUid, clientId, returnTo, isForSomebodyElse, isWithoutCookie } = call.question
  recordRefusal(call, kind === 'too_old' ? 'question_too_old' : 'question_much_too_old', {
    clientId,
    sessionUid,
  })
  return askQuestion(call, {
    sessionUid,
    clientId,
    returnTo,
    isForSomebodyElse,
    isWithoutCookie,
    isAskedAgain: true,
  })
}

async function stay(call: ConfirmCall): Promise<FastifyReply> {
  const { deps, token, question, at } = call
  await deps.store.transact((tx) =>
    closeEndSessionQuestion(tx, { token, question, signOutId: undefined }, at),
  )
  return showStay(call)
}

function showStay({ deps, realm, request, reply, question }: ConfirmCall): FastifyReply {
  const back = applicationLink(realm.clients.get(question.clientId ?? ''))
  const frame = frameOf(deps.settings, realm, request, { uiLocales: question.uiLocales })
  return sendPage(reply, deps.settings, 200, endedPage(frame, { why: { kind: 'stay' }, back }))
}

async function end(call: ConfirmCall): Promise<FastifyReply> {
  const { deps, realm, request, question, at } = call
  const { clientId, returnTo } = question
  const session = await readSession(deps.store.read, question.sessionUid)
  const scope = scopeOf(call, session)
  // whoever answers without the session's cookie has shown a hint, which names one session and proves no person
  const accountId = question.isWithoutCookie ? undefined : session?.accountId
  const result = await signOut(
    deps,
    {
      realmId: realm.id,
      scope,
      kind: 'ordinary',
      cause: 'rp_initiated',
      initiator: 'user',
      actor: { accountId, clientId, ipAddress: request.ip },
      hasBrowser: true,
    },
    { after: (tx, closed) => close(call, tx, closed, at) },
  )
  const signOutId = result.ok ? result.signOutId : session?.signOutId
  if (signOutId === undefined) return showEnded(call)
  const endedSessionUid = scope.kind === 'application' ? undefined : question.sessionUid
  return answerSignedOut(call, {
    signOutId,
    accountId,
    clientId,
    returnTo,
    endedSessionUid,
    isOneSession: scope.kind !== 'account',
  })
}

function close(
  { token, question }: ConfirmCall,
  tx: Parameters<typeof closeEndSessionQuestion>[0],
  closed: SignOutResult,
  at: Instant,
): Promise<void> {
  return closeEndSessionQuestion(
    tx,
    { token, question, signOutId: closed.ok ? closed.signOutId : undefined },
    at,
  )
}

/** What the button says; anything else is "all", which is what the page asked. */
function scopeOf({ realm, action, question }: ConfirmCall, session: Session | undefined): SignOutScope {
  const { sessionUid, clientId, isWithoutCookie } = question
  if (action === 'one' && clientId !== undefined && realm.settings.leaveOneApplication) {
    return { kind: 'application', sessionUid, clientId }
  }
  if (action === 'devices' && session && !isWithoutCookie)
    return { kind: 'account', accountId: session.accountId }
  return { kind: 'session', sessionUid }
}

function showEnded({ deps, realm, request, reply, question }: ConfirmCall): FastifyReply {
  const frame = frameOf(deps.settings, realm, request, { uiLocales: question.uiLocales })
  return sendPage(reply, deps.settings, 200, endedPage(frame, { why: { kind: 'already' } }))
}
