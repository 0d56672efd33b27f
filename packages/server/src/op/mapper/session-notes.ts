/** What an access token knows of its sign-in, for mappers that run after it was made. */
import type { SessionNotes } from './mapper-kind.ts'

export function notesOf(claims: Readonly<Record<string, unknown>>): SessionNotes {
  const { auth_time: authTime, acr } = claims
  return {
    ...(typeof authTime === 'number' ? { AUTH_TIME: String(authTime) } : {}),
    ...(typeof acr === 'string' ? { acr } : {}),
  }
}
