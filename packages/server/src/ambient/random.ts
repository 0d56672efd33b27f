/**
 * Randomness as an argument, so that tests and the simulator can replay a run from its seed.
 */
import { randomBytes } from 'node:crypto'

export interface Random {
  /** `count` unpredictable bytes. */
  bytes(count: number): Buffer
}

export const systemRandom: Random = { bytes: (count) => randomBytes(count) }

/** An unguessable identifier of `bits` bits (default 128) in base64url, with an optional prefix such as `so_`. */
export function randomId(random: Random, prefix = '', bits = 128): string {
  return prefix + random.bytes(Math.ceil(bits / 8)).toString('base64url')
}

/** A version 4 UUID (RFC 9562 §5.4), the form of Keycloak's ids for realms, clients, users and roles. */
export function randomUuid(random: Random): string {
  const b = random.bytes(16)
  b[6] = ((b[6] as number) & 0x0f) | 0x40
  b[8] = ((b[8] as number) & 0x3f) | 0x80
  const h = b.toString('hex')
  return `${h.slice(0, 8)}-${h.slice(8, 12)}-${h.slice(12, 16)}-${h.slice(16, 20)}-${h.slice(20)}`
}

/** A number in [0, 1), for jitter. */
export function randomFraction(random: Random): number {
  return random.bytes(4).readUInt32BE(0) / 2 ** 32
}
