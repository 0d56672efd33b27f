/**
 * How the session that a browser's cookie still names has ended, where the person did not end it: shown on the
 * next visit (experience.md §8.1).
 */
import type { Instant } from '../ambient/clock.ts'
import { findEndOfSession } from '../op/find-end-of-session.ts'
import type { Realm } from '../realm/realm.ts'
import { findSessionByCookie } from '../session/find-session-by-cookie.ts'
import { isAlive, type Session } from '../session/session.ts'
import type { SignOutCause } from '../sign-out/sign-out-command.ts'
import type { Queryable } from '../store/store.ts'
import type { EndedPageKind } from './ended-page.ts'

export async function readWhyEnded(
  on: Queryable,
  realm: Realm,
  cookie: string | undefined,
  at: Instant,
): Promise<EndedPageKind | undefined> {
  const session = cookie === undefined ? undefined : await findSessionByCookie(on, realm.id, cookie)
  if (!session || isAlive(session, at)) return undefined
  // past its time and not swept yet
  if (session.state === 'active') return expired(realm, session, at >= session.endsAt ? 'max' : 'idle')
  const end = await findEndOfSession(on, session.uid)
  return end && whyOf(realm, session, end)
}

function whyOf(
  realm: Realm,
  session: Session,
  { cause, committedAt }: { readonly cause: SignOutCause; readonly committedAt: Instant },
): EndedPageKind | undefined {
  if (cause === 'session_idle') return expired(realm, session, 'idle')
  if (cause === 'session_max_lifespan') return expired(realm, session, 'max')
  return cause === 'administrator' ? { kind: 'admin', endedAt: committedAt } : undefined
}

function expired({ settings }: Realm, { rememberMe }: Session, kind: 'idle' | 'max'): EndedPageKind {
  const seconds = {
    idle: rememberMe ? settings.ssoSessionIdleRememberMeSeconds : settings.ssoSessionIdleSeconds,
    max: rememberMe ? settings.ssoSessionMaxRememberMeSeconds : settings.ssoSessionMaxSeconds,
  }
  return { kind, seconds: seconds[kind] }
}
