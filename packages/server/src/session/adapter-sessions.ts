/**
 * The application's own sessions, as Keycloak's adapters name them at each code exchange (KK-53). In one session of ours
 * there can be several: a second browser window without the application's cookie, a node that does not share sessions,
 * an application that was signed out of alone and came back. Keycloak keeps the last one; here every one is told.
 *
 * They are kept with the client session, each under the `sid` that it belongs to. Pure.
 */
import type { ClientSession } from './session.ts'

/** The oldest are forgotten beyond this: an application cannot make our message longer than it may be. */
const adapterSessionCountMax = 16
const idCharactersMax = 255

/** The stored text with one more, the latest last. A name with a line break is none of an HTTP session. */
export function withAdapterSession(stored: string | undefined, sid: string, id: string): string | undefined {
  if (/[\r\n]/.test(id) || id.length > idCharactersMax) return stored
  const added = `${sid} ${id}`
  const others = linesOf(stored).filter((line) => line !== added)
  return [...others, added].slice(-adapterSessionCountMax).join('\n')
}

/**
 * Those that a sign-out of this `sid` ends. One that the application goes on with under a later `sid`, because the same
 * browser came back to it, is left alone: a late message must not end the newer sign-in (I13).
 */
export function adapterSessionsOf(
  { adapterSessions, sid: latest, endedAt }: Pick<ClientSession, 'adapterSessions' | 'sid' | 'endedAt'>,
  sid: string,
): readonly string[] {
  const kept = latest !== sid && endedAt === undefined ? under(adapterSessions, latest) : []
  return under(adapterSessions, sid).filter((id) => !kept.includes(id))
}

function under(stored: string | undefined, sid: string): readonly string[] {
  const prefix = `${sid} `
  return linesOf(stored)
    .filter((line) => line.startsWith(prefix))
    .map((line) => line.slice(prefix.length))
}

function linesOf(stored: string | undefined): readonly string[] {
  return stored ? stored.split('\n') : []
}
