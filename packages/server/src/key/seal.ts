/**
 * Secrets at rest. Private keys and client secrets are sealed with keys derived from the one server secret, so
 * a copy of the database alone opens nothing (house rule 7).
 */
import { createCipheriv, createDecipheriv, hkdfSync } from 'node:crypto'
import type { Random } from '../ambient/random.ts'
import { CurfewError } from '../errors.ts'

/** The server secret: at least 32 bytes, the same in every process. */
export interface ServerSecret {
  /** 32 bytes for one purpose, never the same for two (RFC 5869). */
  derive(purpose: string): Buffer
}

export function serverSecret(bytes: Uint8Array): ServerSecret {
  if (bytes.length < 32) throw new TypeError('the server secret has at least 32 bytes')
  return { derive: (purpose) => Buffer.from(hkdfSync('sha256', bytes, '', `curfew/${purpose}`, 32)) }
}

/** AES-256-GCM; `label` binds the sealed value to its row, so that it cannot be moved to another one. */
export function seal(secret: ServerSecret, random: Random, label: string, plain: string): string {
  const nonce = random.bytes(12)
  const cipher = createCipheriv('aes-256-gcm', secret.derive('seal'), nonce).setAAD(Buffer.from(label))
  const body = Buffer.concat([cipher.update(plain, 'utf8'), cipher.final()])
  return `s1.${Buffer.concat([nonce, cipher.getAuthTag(), body]).toString('base64url')}`
}

/** @throws CURFEW_KEY_UNSEAL_FAILED when the secret is not the one that sealed, or the row was changed */
export function unseal(secret: ServerSecret, label: string, sealed: string): string {
  try {
    const bytes = Buffer.from(sealed.slice('s1.'.length), 'base64url')
    const decipher = createDecipheriv('aes-256-gcm', secret.derive('seal'), bytes.subarray(0, 12))
    decipher.setAAD(Buffer.from(label)).setAuthTag(bytes.subarray(12, 28))
    return Buffer.concat([decipher.update(bytes.subarray(28)), decipher.final()]).toString('utf8')
  } catch (cause) {
    throw new CurfewError(
      'CURFEW_KEY_UNSEAL_FAILED',
      `The stored secret "${label}" was sealed with another server secret. Start with the secret that this database was made with (--secret-file).`,
      { cause },
    )
  }
}
