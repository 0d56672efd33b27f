/**
 * The server as `curfew serve` composes it, which forgets within the soak (`SOAK_MEMORY_MS`) what it keeps for 30 days:
 * its tables reach the size that they have in production after a month, and its housekeeping works beside the load.
 */
import { sleep } from '../../src/ambient/timer.ts'
import { pruneDeliveries } from '../../src/delivery/prune.ts'
import { pruneEvents } from '../../src/event/prune-events.ts'
import { pruneArtifacts } from '../../src/session/prune-artifacts.ts'
import { pruneSessions, sessionTombstoneMs } from '../../src/session/prune-sessions.ts'
import { serveComposed } from '../support/serve-composed.ts'

const memoryMs = Number(process.env['SOAK_MEMORY_MS'])
const everyMs = memoryMs / 10
const msPerDay = 24 * 3_600_000
const retentionDays = sessionTombstoneMs / msPerDay

const { store, realms, ambient } = await serveComposed()

for (;;) {
  await sleep(ambient.timer, everyMs)
  const now = ambient.clock.now()
  // what is as old as this server's memory now is as old as the retention then
  const then = now - memoryMs + sessionTombstoneMs
  while (await pruneSessions(store, then)) await sleep(ambient.timer, 1)
  await pruneDeliveries({ store, retentionDays, sessionTombstoneMs }, then)
  await pruneArtifacts(store, now)
  for (const name of await realms.names()) {
    const realm = await realms.byName(name)
    if (!realm) continue
    await pruneEvents(store, { ...realm, settings: { eventsRetentionDays: retentionDays } }, then)
  }
}
