/** The server secret: from its file, or with `--dev` made once and kept in the data folder. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Random } from '../ambient/random.ts'
import type { Settings } from '../config/schema.ts'
import { CurfewError } from '../errors.ts'
import { type ServerSecret, serverSecret } from '../key/seal.ts'
import { makeDataFolder } from '../store/sqlite/data-folder.ts'

const secretBytesMin = 32

/** @throws CURFEW_CONFIG_INVALID when the file cannot be read or holds less than 32 bytes, or the folder cannot be used */
export function readServerSecret(settings: Settings, random: Random): ServerSecret {
  const path = settings.secret_file
  if (path !== undefined) return decode(path, readText(path))
  const own = join(settings.data, 'secret')
  makeDataFolder(settings.data)
  try {
    writeFileSync(own, `${random.bytes(48).toString('base64url')}\n`, { mode: 0o600, flag: 'wx' })
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
  }
  return decode(own, readText(own))
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim()
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : String(cause)
    throw new CurfewError('CURFEW_CONFIG_INVALID', `secret_file: ${path} cannot be read (${code}).`, {
      cause,
    })
  }
}

function decode(path: string, text: string): ServerSecret {
  const bytes =
    /^[0-9a-f]+$/i.test(text) && text.length % 2 === 0
      ? Buffer.from(text, 'hex')
      : Buffer.from(text, 'base64')
  if (bytes.length < secretBytesMin) {
    throw new CurfewError(
      'CURFEW_CONFIG_INVALID',
      `secret_file: ${path} holds ${bytes.length} bytes; it needs at least ${secretBytesMin} random ones in base64 or hex (openssl rand -base64 48).`,
    )
  }
  return serverSecret(bytes)
}
