/** The realm's configuration as it changes in a run, version by version, and the realms in a process's memory. */
import type { Instant } from '../../src/ambient/clock.ts'
import type { RealmKey, SigningAlgorithm } from '../../src/key/key.ts'
import type { Realm, Realms } from '../../src/realm/realm.ts'
import { readRealmSettings } from '../../src/realm/realm-settings.ts'
import type { Store } from '../../src/store/store.ts'
import { testClient, testRealm } from '../support/realm-fixture.ts'

export const realmId = 'r1'

export interface RegisteredClient {
  readonly clientId: string
  readonly url: string | undefined
  readonly algorithm: SigningAlgorithm
  readonly isDeleted: boolean
}

export interface RealmConfiguration {
  readonly clients: ReadonlyMap<string, RegisteredClient>
  readonly keys: readonly RealmKey[]
}

export interface RealmHistory {
  /** By version. */
  readonly configurations: Map<number, RealmConfiguration>
  /** When a version was committed, by true time. */
  readonly committedAt: Map<number, Instant>
  /** The committed version. */
  version: number
  readonly clientSessionMaxSeconds: number
}

/** As realms.ts keeps them: forgotten at a wake-up, and asked for again when the look at the version is old. */
const versionAgeMaxMs = 500

/** A sign-out of everybody raises the version and changes no configuration. */
export function configurationAt({ configurations }: RealmHistory, version: number): RealmConfiguration {
  for (let known = version; known > 0; known--) {
    const configuration = configurations.get(known)
    if (configuration) return configuration
  }
  throw new Error(`realm version ${version} was never written`)
}

export function realmOf(history: RealmHistory, version: number): Realm {
  const configuration = configurationAt(history, version)
  const clients = [...configuration.clients.values()].map((client) =>
    testClient(client.clientId, {
      isDeleted: client.isDeleted,
      attributes: {
        ...(client.url === undefined ? {} : { 'backchannel.logout.url': client.url }),
        'id.token.signed.response.alg': client.algorithm,
      },
    }),
  )
  return testRealm(clients, {
    id: realmId,
    version,
    keys: configuration.keys,
    settings: settingsFor(history.clientSessionMaxSeconds),
  })
}

const knownSettings = new Map<number, Realm['settings']>()

function settingsFor(clientSessionMaxSeconds: number): Realm['settings'] {
  const known = knownSettings.get(clientSessionMaxSeconds)
  if (known) return known
  const settings = readRealmSettings({
    clientSessionMaxLifespan: clientSessionMaxSeconds,
    // their numbers are the database's own and would differ from run to run
    eventsEnabled: false,
  })
  knownSettings.set(clientSessionMaxSeconds, settings)
  return settings
}

export function simulatedRealms(history: RealmHistory, store: Store, now: () => Instant): Realms {
  let cached: Realm | undefined
  let lookedAt = Number.NEGATIVE_INFINITY
  store.onWake('realm', () => {
    cached = undefined
  })
  const byId = async (id: string): Promise<Realm | undefined> => {
    if (id !== realmId) return undefined
    const at = now()
    if (cached && at - lookedAt < versionAgeMaxMs && at >= lookedAt) return cached
    const row = await store.read.db
      .selectFrom('realm')
      .select('version')
      .where('id', '=', id)
      .executeTakeFirst()
    if (!row) return undefined
    lookedAt = at
    if (cached?.version !== row.version) cached = realmOf(history, row.version)
    return cached
  }
  return {
    byId,
    byName: () => byId(realmId),
    names: () => Promise.resolve(['test']),
    invalidate: () => {
      cached = undefined
    },
  }
}
