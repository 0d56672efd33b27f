/**
 * Clients come from the realm in memory. They are never written here: the admin API and imports do that. The
 * engine knows a client again by its exact JSON (engine.md §7), so each one is made once.
 */
import type { SigningAlgorithm } from '../../key/key.ts'
import type { Client } from '../../rp/client.ts'
import { engineMetadata } from '../client-metadata.ts'
import { currentWork, type Payload } from '../unit-of-work/unit-of-work.ts'
import type { EngineAdapter } from './adapter.ts'

export function createClientAdapter(usable: readonly SigningAlgorithm[]): EngineAdapter {
  const made = new WeakMap<Client, Payload>()
  const refuse = (): Promise<never> =>
    Promise.reject(new TypeError('clients are not written through the protocol engine'))
  return {
    async find(clientId) {
      const { realm } = currentWork()
      const client = realm.clients.get(clientId)
      if (!client) return undefined
      const kept = made.get(client)
      if (kept) return kept
      const metadata = engineMetadata(realm, client, usable)
      if (metadata) made.set(client, metadata)
      return metadata
    },
    async findByUid() {
      return undefined
    },
    async findByUserCode() {
      return undefined
    },
    upsert: refuse,
    consume: refuse,
    destroy: refuse,
    revokeByGrantId: refuse,
  }
}
