/**
 * The key under which an artifact of the engine is stored. Its id is a bearer value, so the database has only
 * its hash (engine.md §7).
 */
import { hash } from 'node:crypto'

/** What the engine stores, by its own names. */
export type ArtifactKind =
  | 'AuthorizationCode'
  | 'RefreshToken'
  | 'Grant'
  | 'Interaction'
  | 'PushedAuthorizationRequest'
  | 'ReplayDetection'
  | 'DeviceCode'
  | 'Session'
  | 'InitialAccessToken'
  | 'RegistrationAccessToken'

export function artifactHash(kind: string, id: string): string {
  return hash('sha256', `${kind}/${id}`, 'base64url')
}
