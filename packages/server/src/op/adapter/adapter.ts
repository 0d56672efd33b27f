/**
 * The engine's storage. One adapter per model; all of them read the database and write to the unit of work of
 * the running request (engine.md §7).
 */
import type { SigningAlgorithm } from '../../key/key.ts'
import type { Queryable } from '../../store/store.ts'
import type { Payload } from '../unit-of-work/unit-of-work.ts'
import { createArtifactAdapter } from './artifact-adapter.ts'
import { createClientAdapter } from './client-adapter.ts'
import { createSessionAdapter } from './session-adapter.ts'

/** The engine's adapter interface, with payloads as plain JSON. */
export interface EngineAdapter {
  upsert(id: string, payload: Payload, ttlSeconds?: number): Promise<void>
  find(id: string): Promise<Payload | undefined>
  findByUid(uid: string): Promise<Payload | undefined>
  findByUserCode(userCode: string): Promise<Payload | undefined>
  consume(id: string): Promise<void>
  destroy(id: string): Promise<void>
  revokeByGrantId(grantId: string): Promise<void>
}

/** @param usable the algorithms that the realm has a key for */
export function createAdapters(
  on: Queryable,
  usable: readonly SigningAlgorithm[],
): (model: string) => EngineAdapter {
  return (model) => {
    switch (model) {
      case 'Session':
        return createSessionAdapter(on)
      case 'Client':
        return createClientAdapter(usable)
      default:
        return createArtifactAdapter(model, on)
    }
  }
}
