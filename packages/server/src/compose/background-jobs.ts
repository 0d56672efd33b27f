/** The work that nobody asks for, and how often it is looked for. */
import type { Ambient } from '../ambient/ambient.ts'
import type { Job } from '../background/background.ts'
import type { Settings } from '../config/schema.ts'
import { pruneDeliveries } from '../delivery/prune.ts'
import { eventsPerCallMax, pruneEvents } from '../event/prune-events.ts'
import type { Realms } from '../realm/realm.ts'
import { pruneArtifacts } from '../session/prune-artifacts.ts'
import { pruneSessions, sessionTombstoneMs } from '../session/prune-sessions.ts'
import { pruneGuesses } from '../sign-in/guessing-limit.ts'
import { expireSessions } from '../sign-out/expire-sessions.ts'
import type { SignOutDeps } from '../sign-out/sign-out.ts'
import { spreadSignOut } from '../sign-out/spread-sign-out.ts'
import { beat } from '../store/process.ts'
import type { Store } from '../store/store.ts'

const minute = 60_000

export interface JobParts {
  readonly signOut: SignOutDeps
  readonly store: Store
  readonly realms: Realms
  readonly ambient: Ambient
  readonly processId: string
  renewAllowed(): Promise<number>
}

export function backgroundJobs(parts: JobParts, settings: Settings): readonly Job[] {
  const { signOut, store, realms, ambient } = parts
  const now = (): number => ambient.clock.now()
  let hasRenewed = false
  return [
    {
      name: 'renew allowed',
      intervalMs: minute,
      async run() {
        if (!hasRenewed) await parts.renewAllowed()
        hasRenewed = true
        return false
      },
    },
    // KW-22: a session's notices start within 60 s of its end
    { name: 'expire sessions', intervalMs: 15_000, run: async () => (await expireSessions(signOut)) > 0 },
    { name: 'spread sign-outs', intervalMs: 1000, run: () => spreadSignOut(signOut) },
    { name: 'heartbeat', intervalMs: 5000, run: () => beat(store, parts.processId, now()) },
    { name: 'prune artifacts', intervalMs: 5 * minute, run: () => pruneArtifacts(store, now()) },
    { name: 'prune sessions', intervalMs: 10 * minute, run: () => pruneSessions(store, now()) },
    {
      name: 'prune guesses',
      intervalMs: 10 * minute,
      run: () => store.transact(async (tx) => (await pruneGuesses(tx, now())) > 0),
    },
    {
      name: 'prune deliveries',
      intervalMs: 60 * minute,
      async run() {
        const retentionDays = settings['delivery.retention_days']
        return (await pruneDeliveries({ store, retentionDays, sessionTombstoneMs }, now())).hasMore
      },
    },
    { name: 'prune events', intervalMs: 60 * minute, run: () => pruneAllEvents(store, realms, now()) },
  ]
}

async function pruneAllEvents(store: Store, realms: Realms, at: number): Promise<boolean> {
  let hasMore = false
  for (const name of await realms.names()) {
    const realm = await realms.byName(name)
    if (realm && (await pruneEvents(store, realm, at)) >= eventsPerCallMax) hasMore = true
  }
  return hasMore
}
