/** Client secrets at rest: sealed, because the admin API must be able to show them (KQ-13). */
import { type Random, randomId } from '../ambient/random.ts'
import { type ServerSecret, seal, unseal } from '../key/seal.ts'

/** 256 bits of letters, digits, `-` and `_`, which need no encoding in Basic credentials (KK-06). */
export function newClientSecret(random: Random): string {
  return randomId(random, '', 256)
}

export function sealClientSecret(
  deps: { secret: ServerSecret; random: Random },
  clientUuid: string,
  clear: string,
): string {
  return seal(deps.secret, deps.random, label(clientUuid), clear)
}

/** @throws CURFEW_KEY_UNSEAL_FAILED */
export function openClientSecret(secret: ServerSecret, clientUuid: string, sealed: string): string {
  return unseal(secret, label(clientUuid), sealed)
}

const label = (clientUuid: string): string => `client_secret/${clientUuid}`
