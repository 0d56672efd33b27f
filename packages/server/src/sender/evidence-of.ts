/** What is kept of a signed token in its place: enough to say later whether this was the one (D19). */
import { hash } from 'node:crypto'
import type { Evidence } from './sender.ts'

export function evidenceOf(token: string, { jti, kid }: { jti: string; kid: string }): Evidence {
  return { jti, kid, tokenHash: hash('sha256', token, 'base64url') }
}
