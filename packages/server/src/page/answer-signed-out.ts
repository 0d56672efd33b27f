/**
 * Answers the browser after a sign-out was committed (SR-10, SR-11): waits for the first round of notices, 400 ms
 * at most, then goes back to the application or shows the result, as `curfew.result.page` says.
 */
import type { FastifyReply } from 'fastify'
import { displayApplication } from '../delivery/display-state.ts'
import { readSignOut, type SignOutView } from '../delivery/read-sign-out.ts'
import { sessionCookieName } from '../op/engine-cookie.ts'
import { findSessionByCookie } from '../session/find-session-by-cookie.ts'
import { readFrames } from '../sign-out/trigger/read-frames.ts'
import { followedAddress, type ResultOf, resultPageOf, writeResultTicket } from './give-result.ts'
import { clearSessionCookies, readCookie, setResultCookie } from './page-cookie.ts'
import { resultPath } from './page-path.ts'
import type { SignOutCall } from './sign-out-call.ts'

export interface SignedOut extends ResultOf {
  /** The session that ended; undefined when only one application was left. */
  readonly endedSessionUid: string | undefined
  /** The session that the browser's cookie named when the request came; absent when it was not looked up. */
  readonly browserSessionUid?: string | undefined
  /** The browser's right to the result, where it was written with the sign-out. */
  readonly ticket?: string | undefined
  /** True for one session alone: then its commit has written every frame that there will be. */
  readonly isOneSession: boolean
}

/** What is left to do after the wait: the person is answered within the time of SR-11, not after it. */
const answerReserveMs = 25

export async function answerSignedOut(call: SignOutCall, done: SignedOut): Promise<FastifyReply> {
  const { deps, realm, request, reply } = call
  const { signOutId } = done
  const on = deps.store.read
  const spentMs = deps.ambient.clock.now() - call.at
  const waitMs = realm.settings.firstRoundWaitMs - spentMs - answerReserveMs
  // asked together, so that the database is asked once
  const [written] = await Promise.all([
    done.isOneSession ? readFrames(on, signOutId) : undefined,
    forgetSession(call, done),
    waitMs > 0 ? deps.feed.waitFirstRound(signOutId, waitMs) : undefined,
  ])
  await deps.ambient.gate('signOut.beforeAnswer', signOutId)
  const status = request.method === 'POST' ? 303 : 302
  const frames = written ?? (await readFrames(on, signOutId))
  const hasFrames = frames.length > 0
  const backTo = followedAddress(call, done.returnTo)
  if (backTo !== undefined && !hasFrames) {
    const rule = resultPageOf(realm, done.clientId)
    if (rule === 'never') return reply.redirect(backTo, status)
    const view = rule === 'on-failure' ? await readSignOut(on, signOutId) : undefined
    if (view && isAllGreen(view, deps.ambient.clock.now())) return reply.redirect(backTo, status)
  }
  setResultCookie(reply, realm, signOutId, done.ticket ?? (await giveResult(call, done)))
  const path = resultPath(realm, signOutId)
  return reply.redirect(hasFrames ? `${path}/frames` : path, status)
}

/** Every application "Signed out" or "Ended by itself"; "Not supported" is not green, nor what was not read (I9). */
export function isAllGreen(view: SignOutView, at: number): boolean {
  if (view.isTruncated) return false
  return view.applications.every((application) => {
    const { word } = displayApplication(view, application, at)
    return word === 'signed_out' || word === 'ended_by_itself'
  })
}

/** KL-46: a cookie is cleared only if it names the ended session; a newer sign-in keeps its own. */
async function forgetSession(
  { deps, realm, request, reply }: SignOutCall,
  { endedSessionUid, browserSessionUid }: SignedOut,
): Promise<void> {
  const name = sessionCookieName(realm)
  const cookie = readCookie(request, name)
  if (cookie === undefined || endedSessionUid === undefined) return
  const namedUid = browserSessionUid ?? (await findSessionByCookie(deps.store.read, realm.id, cookie))?.uid
  if (namedUid === endedSessionUid) clearSessionCookies(reply, realm, name)
}

function giveResult(call: SignOutCall, done: SignedOut): Promise<string> {
  return call.deps.store.transact(async (tx) => writeResultTicket(call, tx, done, call.at))
}
