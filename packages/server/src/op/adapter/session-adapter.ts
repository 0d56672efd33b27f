/**
 * The engine's Session as rows (engine.md §6). The map of applications that the engine keeps inside the session
 * is built from `client_session` when read, and only its new entries are written, at the commit.
 */
import type { Instant } from '../../ambient/clock.ts'
import { hashCookie } from '../../session/cookie-hash.ts'
import { isAlive } from '../../session/session.ts'
import type { Queryable } from '../../store/store.ts'
import {
  currentWork,
  type LoadedSession,
  type Payload,
  type UnitOfWork,
} from '../unit-of-work/unit-of-work.ts'
import type { EngineAdapter } from './adapter.ts'
import { createArtifactAdapter } from './artifact-adapter.ts'
import { readLoadedSession } from './read-session.ts'

export function createSessionAdapter(on: Queryable): EngineAdapter {
  // a browser without a sign-in has no session row; what the engine notes of it is an artifact
  const anonymous = createArtifactAdapter('Session', on)
  return {
    ...anonymous,
    async find(cookieValue) {
      const work = currentWork()
      if (work.savedSession?.cookieValue === cookieValue) return work.savedSession.payload
      if (work.destroyedCookies.has(cookieValue)) return undefined
      const by = { column: 's.cookie_hash', key: hashCookie(cookieValue) } as const
      const loaded = await readLoadedSession(on, work.realm.id, by, work.clientId)
      if (!loaded) return anonymous.find(cookieValue)
      work.loaded.set(loaded.session.uid, loaded)
      work.uidByCookie.set(cookieValue, loaded.session.uid)
      return enginePayload(loaded, work.startedAt, cookieValue)
    },
    async findByUid(uid) {
      const work = currentWork()
      if (work.savedSession?.payload.uid === uid) return withoutId(work.savedSession.payload)
      const loaded = await loadSession(on, work, uid)
      return loaded && enginePayload(loaded, work.startedAt)
    },
    async upsert(cookieValue, payload, ttlSeconds) {
      const work = currentWork()
      if (typeof payload['accountId'] === 'string') {
        work.savedSession = { cookieValue, payload: payload as Payload & { uid: string } }
      } else if (payload['state'] !== undefined) {
        await anonymous.upsert(cookieValue, payload, ttlSeconds)
      }
    },
    async destroy(cookieValue) {
      currentWork().destroyedCookies.add(cookieValue)
      await anonymous.destroy(cookieValue)
    },
  }
}

/** The session of this uid as this request sees it, read at most once. */
export async function loadSession(
  on: Queryable,
  work: UnitOfWork,
  uid: string,
): Promise<LoadedSession | undefined> {
  const known = work.loaded.get(uid)
  if (known) return known
  const loaded = await readLoadedSession(on, work.realm.id, { column: 's.uid', key: uid }, work.clientId)
  if (loaded) work.loaded.set(uid, loaded)
  return loaded
}

/** undefined for a session from which nothing may be derived: the engine then asks for a sign-in. */
function enginePayload(loaded: LoadedSession, at: Instant, cookieValue?: string): Payload | undefined {
  const { session, clientSessions, isAccountEnabled } = loaded
  if (!isAlive(session, at) || !isAccountEnabled) return undefined
  const authorizations: Record<string, { sid: string; grantId?: string }> = {}
  for (const member of clientSessions.values()) {
    if (at >= member.expiresAt) continue
    const { sid, grantId } = member
    authorizations[member.clientId] = grantId === undefined ? { sid } : { sid, grantId }
  }
  return {
    ...(JSON.parse(session.payload) as Payload),
    ...(cookieValue === undefined ? {} : { jti: cookieValue }),
    uid: session.uid,
    accountId: session.accountId,
    kind: 'Session',
    iat: Math.floor(session.createdAt / 1000),
    exp: Math.ceil(Math.min(session.idleUntil, session.endsAt) / 1000),
    ...(session.rememberMe ? {} : { transient: true }),
    authorizations,
  }
}

function withoutId({ jti: _, ...payload }: Payload): Payload {
  return payload
}
