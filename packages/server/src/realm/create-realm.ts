/** Makes a realm from nothing, shaped as Keycloak's: built-in clients, roles and client scopes, and its first keys. */
import type { Instant } from '../ambient/clock.ts'
import type { Random } from '../ambient/random.ts'
import type { SigningAlgorithm } from '../key/key.ts'
import type { Representation } from '../rp/representation.ts'
import type { Tx } from '../store/store.ts'
import { withBuiltIns } from './import/built-in-objects.ts'
import { missingKeys, type PreparedKey } from './import/import-keys.ts'
import { draftFromExport } from './import/realm-draft.ts'
import type { WriteDeps } from './import/write-context.ts'
import { writeRealm } from './import/write-realm.ts'

/** The first keys of a realm. Made by `newRealmKeys` alone, outside any transaction: RSA takes up to a second. */
export type RealmKeys = readonly PreparedKey[]

export function newRealmKeys(
  random: Random,
  algorithms: readonly SigningAlgorithm[] = ['RS256'],
): Promise<RealmKeys> {
  return missingKeys(random, new Set(algorithms), [])
}

export interface NewRealm {
  readonly name: string
  readonly keys: RealmKeys
  /** Members of Keycloak's realm representation, clients, users and roles included if wanted. */
  readonly settings?: Representation
}

/**
 * Inserts the realm and returns its id. The caller has checked that the name is free, and calls
 * `addRealmToMaster` in the same transaction when administrators of master are to reach it.
 */
export async function createRealm(deps: WriteDeps, tx: Tx, realm: NewRealm, at: Instant): Promise<string> {
  const draft = withBuiltIns(draftFromExport({ ...realm.settings, realm: realm.name }))
  const written = await writeRealm(deps, tx, { draft, keys: realm.keys, credentials: new Map() }, at)
  return written.realmId
}
