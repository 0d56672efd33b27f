/** What is left when a run is over: the rows, and what the applications were told. */
import { setTimeout as wait } from 'node:timers/promises'
import type { Receiver } from '../support/receiver.ts'
import type { CrashDatabase } from './crash-database.ts'
import type { StoredMember, Told } from './crash-history.ts'

/** The last lease of the last dead process, and time to tell. */
const settleLimitMs = 60_000

/** Returns how many deliveries have no verdict when the time is over. */
export async function untilSettled(database: CrashDatabase): Promise<number> {
  const giveUpAt = performance.now() + settleLimitMs
  for (;;) {
    const [row] = await database.query<{ n: string | number }>(
      "select count(*) as n from delivery where state in ('pending', 'leased')",
    )
    const count = Number(row?.n)
    if (count === 0 || performance.now() > giveUpAt) return count
    await wait(200)
  }
}

export function readStoredMembers(database: CrashDatabase): Promise<readonly StoredMember[]> {
  return database.query<StoredMember>(`
    select c.client_id as "clientId", c.sid as sid, s.state as state,
      (select count(*) from sign_out o where o.session_uid = s.uid) as "signOutCount"
    from client_session c join session s on s.uid = c.session_uid`)
}

export function readTold({ received }: Receiver): readonly Told[] {
  return received.map(({ clientId, claims }) => ({
    clientId,
    sid: String(claims['sid']),
    jti: String(claims.jti),
  }))
}
