/** Whether a request changes the session's row, beyond reading it. */
import type { Instant } from '../../ambient/clock.ts'
import type { KnownSession, Payload, UnitOfWork } from './unit-of-work.ts'

/** The idle time slides in steps of this: a write per request would cost more than the request (engine.md §8.5). */
export const sessionTouchIntervalSeconds = 60

export function isTouchDue(session: KnownSession, at: Instant): boolean {
  return at - session.lastActiveAt >= sessionTouchIntervalSeconds * 1000
}

/** True when the engine gave the session another cookie value or other contents. */
export function isSessionChanged(work: UnitOfWork, session: KnownSession): boolean {
  const saved = work.savedSession
  if (!saved || saved.payload.uid !== session.uid) return false
  return (
    work.uidByCookie.get(saved.cookieValue) !== session.uid || smallPayload(saved.payload) !== session.payload
  )
}

/** What of the engine's session has no column: when and how the person signed in. Always in the same order. */
export function smallPayload(payload: Payload): string {
  const { acr, amr, loginTs, state } = payload
  return JSON.stringify({ loginTs, acr, amr, state })
}
