/**
 * Answers the browser after a sign-out was committed (SR-10, SR-11): waits for the first round of notices, 400 ms
 * at most, then goes back to the application or shows the result, as `curfew.result.page` says.
 */
import type { FastifyReply } from 'fastify'
import { displayApplication } from '../delivery/display-state.ts'
import { readSignOut, type SignOutView } from '../delivery/read-sign-out.ts'
import { sessionCookieName } from '../op/engine-cookie.ts'
import type { Realm, RealmSettings } from '../realm/realm.ts'
import { findSessionByCookie } from '../session/find-session-by-cookie.ts'
import type { ReturnTo } from '../sign-out/trigger/decide-end-session.ts'
import { readFrames } from '../sign-out/trigger/read-frames.ts'
import { returnAddress } from '../sign-out/trigger/return-address.ts'
import { insertResultTicket } from '../sign-out/trigger/sign-out-result.ts'
import { clearSessionCookies, readCookie, resultLifetimeSeconds, setResultCookie } from './page-cookie.ts'
import { resultPath } from './page-path.ts'
import type { SignOutCall } from './sign-out-call.ts'

export interface SignedOut {
  readonly signOutId: string
  readonly accountId: string | undefined
  readonly clientId: string | undefined
  readonly returnTo: ReturnTo | undefined
  /** The session that ended; undefined when only one application was left. */
  readonly endedSessionUid: string | undefined
}

/** What is left to do after the wait: the person is answered within the time of SR-11, not after it. */
const answerReserveMs = 25

export async function answerSignedOut(call: SignOutCall, done: SignedOut): Promise<FastifyReply> {
  const { deps, realm, request, reply, parameters } = call
  await forgetSession(call, done)
  const spentMs = deps.ambient.clock.now() - call.at
  const waitMs = realm.settings.firstRoundWaitMs - spentMs - answerReserveMs
  if (waitMs > 0) await deps.feed.waitFirstRound(done.signOutId, waitMs)
  await deps.ambient.gate('signOut.beforeAnswer', done.signOutId)
  const status = request.method === 'POST' ? 303 : 302
  const backTo = done.returnTo && returnAddress(done.returnTo.uri, parameters.state)
  const rule = resultPageOf(realm, done.clientId)
  const on = deps.store.read
  const hasFrames = (await readFrames(on, done.signOutId)).length > 0
  const isFollowed = backTo !== undefined && done.returnTo?.isFollowed === true
  if (isFollowed && !hasFrames) {
    if (rule === 'never') return reply.redirect(backTo, status)
    const view = rule === 'on-failure' ? await readSignOut(on, done.signOutId) : undefined
    if (view && isAllGreen(view, deps.ambient.clock.now())) return reply.redirect(backTo, status)
  }
  await giveResult(call, done, backTo, isFollowed ? rule : 'always')
  const path = resultPath(realm, done.signOutId)
  return reply.redirect(hasFrames ? `${path}/frames` : path, status)
}

/** The client attribute overrides the realm's (experience.md §8.2). */
export function resultPageOf(realm: Realm, clientId: string | undefined): RealmSettings['resultPage'] {
  const own = realm.clients.get(clientId ?? '')?.attributes['curfew.result.page']
  return own === 'never' || own === 'on-failure' || own === 'always' ? own : realm.settings.resultPage
}

/** Every application "Signed out" or "Ended by itself"; "Not supported" is not green. */
export function isAllGreen(view: SignOutView, at: number): boolean {
  return view.applications.every((application) => {
    const { word } = displayApplication(view, application, at)
    return word === 'signed_out' || word === 'ended_by_itself'
  })
}

/** KL-46: a cookie is cleared only if it still names the ended session; a newer sign-in keeps its own. */
async function forgetSession({ deps, realm, request, reply }: SignOutCall, done: SignedOut): Promise<void> {
  const name = sessionCookieName(realm)
  const cookie = readCookie(request, name)
  if (cookie === undefined || done.endedSessionUid === undefined) return
  const named = await findSessionByCookie(deps.store.read, realm.id, cookie)
  if (named?.uid === done.endedSessionUid) clearSessionCookies(reply, realm, name)
}

async function giveResult(
  { deps, realm, reply, parameters, at }: SignOutCall,
  { signOutId, accountId, clientId }: SignedOut,
  backTo: string | undefined,
  rule: RealmSettings['resultPage'],
): Promise<void> {
  const ticket = { signOutId, accountId, clientId, backTo, rule, uiLocales: parameters.ui_locales }
  const value = await insertResultTicket(deps, realm, ticket, resultLifetimeSeconds, at)
  setResultCookie(reply, realm, signOutId, value)
}
