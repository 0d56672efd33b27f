/** Tells everybody of many sign-outs that fall due at one instant: how fast the outbox empties. */
import { fillOutbox } from '../support/fill-outbox.ts'
import type { PreparedRealm } from '../support/prepared-realm.ts'
import type { Receivers } from '../support/receivers.ts'

export interface Drain {
  readonly signOutCount: number
  readonly processCount: number
  readonly flags: readonly string[]
}

/** Neither the ceiling nor the limit per application holds the server back. */
export const unlimited = ['--delivery-rate-per-second-max', '10000', '--delivery-leased-count-max', '16']

/** From the last row that is written to the first that is due: the servers start meanwhile. */
const headStartMs = 4000
const drainTimeoutMs = 300_000

/** @returns deliveries per second */
export async function drain(
  realm: PreparedRealm,
  receivers: Receivers,
  { signOutCount, processCount, flags }: Drain,
): Promise<number> {
  const { database, dataDir, clients } = realm
  const count = signOutCount * clients.length
  // the rows are written first, and fall due when everybody has started
  const later = Date.now() + 3_600_000
  await fillOutbox({ dataDir, databaseUrl: database.url, clients, signOutCount, dueAt: () => later })
  const dueAt = Date.now() + headStartMs
  await realm.query(`update delivery set due_at = ${dueAt} where state = 'pending'`)
  const servers = await Promise.all(Array.from({ length: processCount }, () => realm.start(flags)))
  try {
    // a busy machine may have started them late
    const startedAt = Math.max(dueAt, Date.now())
    const lastAt = await receivers.untilReceived(count, drainTimeoutMs)
    return count / ((lastAt - startedAt) / 1000)
  } finally {
    for (const server of servers) await server.stop()
  }
}
