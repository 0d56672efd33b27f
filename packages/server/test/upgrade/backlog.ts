/** Deliveries that wait while versions change: sessions of a realm of their own, all ended by one call of an administrator. */
import { setTimeout as wait } from 'node:timers/promises'
import { systemAmbient } from '../../src/ambient/ambient.ts'
import { openStore, type StoreSettings } from '../../src/store/store.ts'
import type { CrashDatabase } from '../crash/crash-database.ts'
import { signInAsAdministrator } from '../support/administrator.ts'
import { givenSession, sidOf } from '../support/session-fixture.ts'

const realm = 'backlog'
/** Each is let go at another moment. */
export const waves = ['wave-1', 'wave-2', 'wave-3'] as const
export type Wave = (typeof waves)[number]

export const backlogRealm = { realm, settings: { id: realm }, usernames: [] }

/** Sessions whose applications are not due for an hour. Before the first server: it makes the database. */
export async function writeSessions(settings: StoreSettings, count: number): Promise<void> {
  await using store = await openStore(settings, systemAmbient())
  const startedAt = Date.now() + 3_600_000
  const sessions = Array.from({ length: count }, (_, index) => index)
  const write = (index: number): Promise<void> =>
    givenSession(store, { uid: `waiting-${index}`, realmId: realm, clientIds: waves, startedAt })
  for (let from = 0; from < count; from += 100) await Promise.all(sessions.slice(from, from + 100).map(write))
}

/** Resolves when every session has its deliveries. */
export async function endSessions(url: string, database: CrashDatabase, count: number): Promise<void> {
  const root = await signInAsAdministrator(url)
  const { status, body } = await root.post(`${realm}/logout-all`)
  if (status !== 204 && status !== 200) throw new Error(`logout-all: ${status} ${JSON.stringify(body)}`)
  while ((await countWaiting(database)) < count * waves.length) await wait(50)
}

export async function countWaiting(database: CrashDatabase): Promise<number> {
  const text = `select count(*) as n from delivery where realm_id = '${realm}' and state in ('pending', 'leased')`
  const [row] = await database.query<{ n: string | number }>(text)
  return Number(row?.n)
}

/** The application's deliveries are due; the servers find them by themselves. */
export async function letGo(database: CrashDatabase, wave: Wave): Promise<void> {
  const which = `realm_id = '${realm}' and client_id = '${wave}' and state = 'pending'`
  await database.query(`update delivery set due_at = ${Date.now()} where ${which}`)
}

/** Everybody who has to be told, as `client/sid`. */
export function waitingMembers(count: number): readonly string[] {
  return waves.flatMap((clientId) =>
    Array.from({ length: count }, (_, index) => `${clientId}/${sidOf(`waiting-${index}`, clientId)}`),
  )
}
