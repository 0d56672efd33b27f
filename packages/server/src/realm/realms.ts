/**
 * Realms in memory: loaded at first use, forgotten when their version changes.
 *
 * A change is heard at once through the store's wake-up, and at the latest by asking for the versions, which
 * happens at most once per 500 ms and only when somebody wants a realm. So every process acts on a committed
 * change within 1 s even when wake-ups are lost.
 */
import type { Ambient } from '../ambient/ambient.ts'
import type { Instant } from '../ambient/clock.ts'
import type { ServerSecret } from '../key/seal.ts'
import type { Store } from '../store/store.ts'
import { loadRealm } from './load-realm.ts'
import type { Realm, Realms } from './realm.ts'

export interface RealmsDeps {
  readonly store: Store
  readonly secret: ServerSecret
  readonly ambient: Pick<Ambient, 'clock'>
  /** The server's own address, without a trailing slash. */
  readonly baseUrl: string
  /** `admin-cli` of realm `master` may use the password grant (SR-24); default false. */
  readonly masterPasswordGrant?: boolean
}

/** No process works with a version older than this. */
const versionAgeMaxMs = 500

/** Realms kept in memory; the one unused for longest leaves first. */
export const realmCountMax = 1000

export function createRealms(deps: RealmsDeps): Realms {
  const { store } = deps
  const cached = new Map<string, Promise<Realm | undefined>>()
  const idsByName = new Map<string, string>()
  let lookedAt: Instant = Number.NEGATIVE_INFINITY
  let looking: Promise<void> | undefined

  const forget = (realmId: string): void => {
    cached.delete(realmId)
    for (const [name, id] of idsByName) if (id === realmId) idsByName.delete(name)
  }
  store.onWake('realm', (realmId) => (realmId === '' ? cached.clear() : forget(realmId)))

  const look = async (): Promise<void> => {
    const loaded = await Promise.all([...cached.values()].map((loading) => loading.catch(() => undefined)))
    const held = loaded.filter((realm) => realm !== undefined)
    if (held.length === 0) return
    const versions = await readVersions(
      store,
      held.map((realm) => realm.id),
    )
    for (const realm of held) if (versions.get(realm.id) !== realm.version) forget(realm.id)
  }
  /** One query for all realms and all callers that wait at the same time. */
  const lookAtVersions = (): Promise<void> | undefined => {
    if (looking) return looking
    const at = deps.ambient.clock.now()
    // a clock that was set back must not make the last look one of the future (F-28)
    if (at >= lookedAt && at - lookedAt < versionAgeMaxMs) return undefined
    looking = look()
      .then(() => {
        lookedAt = at
      })
      .finally(() => {
        looking = undefined
      })
    return looking
  }

  const load = (realmId: string): Promise<Realm | undefined> => {
    const loading = loadRealm(deps, store.read, realmId)
    cached.set(realmId, loading)
    // an answer that is not kept is asked for again: a realm that is missing now may exist in a moment
    const drop = (): void => {
      if (cached.get(realmId) === loading) cached.delete(realmId)
    }
    loading.then((realm) => (realm ? idsByName.set(realm.name, realmId) : drop()), drop)
    for (const oldest of cached.keys()) {
      if (cached.size <= realmCountMax) break
      forget(oldest)
    }
    return loading
  }

  const byId = async (realmId: string): Promise<Realm | undefined> => {
    await lookAtVersions()
    const loading = cached.get(realmId)
    if (!loading) return load(realmId)
    cached.delete(realmId)
    cached.set(realmId, loading)
    return loading
  }

  return {
    byId,
    async byName(name) {
      await lookAtVersions()
      const realmId = idsByName.get(name) ?? (await readRealmId(store, name))
      return realmId === undefined ? undefined : byId(realmId)
    },
    names: () => readNames(store),
    invalidate: forget,
  }
}

async function readVersions(store: Store, realmIds: readonly string[]): Promise<ReadonlyMap<string, number>> {
  const rows = await store.read.db
    .selectFrom('realm')
    .select(['id', 'version'])
    .where('id', 'in', realmIds)
    .where('deleted_at', 'is', null)
    .execute()
  return new Map(rows.map((row) => [row.id, row.version]))
}

async function readRealmId(store: Store, name: string): Promise<string | undefined> {
  const row = await store.read.db
    .selectFrom('realm')
    .select('id')
    .where('name', '=', name)
    .where('deleted_at', 'is', null)
    .executeTakeFirst()
  return row?.id
}

async function readNames(store: Store): Promise<readonly string[]> {
  const rows = await store.read.db
    .selectFrom('realm')
    .select('name')
    .where('deleted_at', 'is', null)
    .orderBy('name')
    .execute()
  return rows.map((row) => row.name)
}
