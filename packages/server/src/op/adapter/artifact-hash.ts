/**
 * The key under which an artifact of the engine is stored. Its id is a bearer value, so the database has only
 * its hash (engine.md §7).
 */
import { hash } from 'node:crypto'

/** @param kind the engine's name of the model: `RefreshToken`, `Grant`, … */
export function artifactHash(kind: string, id: string): string {
  return hash('sha256', `${kind}/${id}`, 'base64url')
}
