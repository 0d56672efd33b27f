/** The session cookie is 256 random bits; the database has only its hash, so a copy of it opens no session. */
import { createHash } from 'node:crypto'

export function hashCookie(value: string): string {
  return createHash('sha256').update(value).digest('base64url')
}
