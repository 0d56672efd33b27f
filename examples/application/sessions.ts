/**
 * Sessions of an application, and the memory of those that were ended by a logout token.
 *
 * A logout token may arrive before the sign-in that it ends is stored: the two travel on different connections.
 * So an ended `sid` is remembered, and a session that names it is not started.
 */
import { randomBytes } from 'node:crypto'
import { keptMap } from './kept-map.ts'

export interface RpSession {
  readonly sub: string
  /** The server's name for this sign-in at this application; absent where the server sends none. */
  readonly sid: string | undefined
  readonly name: string
  readonly idToken: string
}

export interface Sessions {
  /** @returns the value for the cookie, or undefined if the session was ended before it began */
  start(session: RpSession): string | undefined
  get(id: string | undefined): RpSession | undefined
  end(id: string | undefined): void
  /** Ends what a logout token names: one session by `sid`, all of a person by `sub` alone. @see Back-Channel Logout 1.0 §2.4 */
  endNamed(subject: { readonly sid: string | undefined; readonly sub: string | undefined }): number
}

const endedSidCountMax = 10_000

export function createSessions(folder = process.env['DATA_DIR']): Sessions {
  const sessions = keptMap<RpSession>('sessions', folder)
  const endedSids = new Set<string>()

  const rememberEnded = (sid: string): void => {
    endedSids.add(sid)
    const [oldest] = endedSids
    if (endedSids.size > endedSidCountMax && oldest !== undefined) endedSids.delete(oldest)
  }

  return {
    start(session) {
      if (session.sid !== undefined && endedSids.has(session.sid)) return undefined
      const id = randomBytes(32).toString('base64url')
      sessions.set(id, session)
      return id
    },
    get: (id) => (id === undefined ? undefined : sessions.get(id)),
    end(id) {
      if (id !== undefined) sessions.delete(id)
    },
    endNamed({ sid, sub }) {
      if (sid !== undefined) rememberEnded(sid)
      const named = [...sessions].filter(([, session]) =>
        sid === undefined ? session.sub === sub : session.sid === sid,
      )
      for (const [id] of named) sessions.delete(id)
      return named.length
    },
  }
}
