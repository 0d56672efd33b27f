/** What the races of the engine start from: one person, signed in at two applications, with gates in her way. */
import assert from 'node:assert/strict'
import { setTimeout as wait } from 'node:timers/promises'
import { systemAmbient } from '../../src/ambient/ambient.ts'
import { signOut } from '../../src/sign-out/sign-out.ts'
import type { TestDatabase } from '../support/database.ts'
import { createGates, type Gates } from '../support/gates.ts'
import { type OpHost, startOpHost } from '../support/op-host.ts'
import type { RelyingParty } from '../support/relying-party.ts'
import type { UserAgent } from '../support/user-agent.ts'

/** Those that are in the session at the start, sorted. */
export const applications = ['chat', 'wiki']

export interface Race extends AsyncDisposable {
  readonly host: OpHost
  readonly gates: Gates
  readonly browser: UserAgent
  rp(clientId: string): RelyingParty
  /** Signs out of the session that was there at the start. */
  signOut(): Promise<void>
  disableAccount(): Promise<void>
  /** Applications that have a delivery, sorted. */
  told(): Promise<readonly string[]>
  artifactCount(): Promise<number>
  activeSessionCount(): Promise<number>
  /** Whether it is done after a moment: a thing that waits for a lock is not. */
  isSettled(promise: Promise<unknown>): Promise<boolean>
  advance(ms: number): void
}

export async function openRace(database: TestDatabase): Promise<Race> {
  let now = Date.now()
  const gates = createGates()
  const ambient = systemAmbient({ gate: gates.gate, clock: { now: () => now } })
  const store = await database.open(ambient)
  const told = { 'backchannel.logout.url': 'https://application.example/logout' }
  const host = await startOpHost({
    store,
    ambient,
    clients: [
      { clientId: 'wiki', attributes: told },
      { clientId: 'chat', attributes: told },
      { clientId: 'files', attributes: told },
      { clientId: 'spa', publicClient: true, attributes: told },
    ],
  })
  const browser = host.browser()
  for (const clientId of applications) await host.rp(clientId).signIn(browser)
  const { uid } = await store.read.db.selectFrom('session').select('uid').executeTakeFirstOrThrow()
  const { db } = store.read
  const actor = {}
  const ordinary = { realmId: host.realm().id, kind: 'ordinary', initiator: 'user', actor } as const

  return {
    host,
    gates,
    browser,
    rp: (clientId) => host.rp(clientId, clientId === 'spa' ? { secret: '' } : {}),
    async signOut() {
      const scope = { kind: 'session', sessionUid: uid } as const
      const result = await signOut(host.deps, { ...ordinary, scope, cause: 'account_page' })
      assert.ok(result.ok)
    },
    async disableAccount() {
      const accountId = 'id-test-alice'
      const scope = { kind: 'account', accountId } as const
      await signOut(
        host.deps,
        { ...ordinary, kind: 'security', scope, cause: 'account_disabled' },
        {
          before: async (tx) => {
            await tx.db.updateTable('account').set({ enabled: 0 }).where('id', '=', accountId).execute()
          },
        },
      )
    },
    async told() {
      const rows = await db.selectFrom('delivery').select('client_id').orderBy('client_id').execute()
      return rows.map((row) => row.client_id)
    },
    async artifactCount() {
      const rows = await db
        .selectFrom('artifact')
        .select('id_hash')
        .where('kind', '<>', 'Interaction')
        .execute()
      return rows.length
    },
    async activeSessionCount() {
      const rows = await db.selectFrom('session').select('uid').where('state', '=', 'active').execute()
      return rows.length
    },
    isSettled: (promise) => Promise.race([promise.then(() => true), wait(150, false)]),
    advance(ms) {
      now += ms
    },
    async [Symbol.asyncDispose]() {
      await host[Symbol.asyncDispose]()
      await store[Symbol.asyncDispose]()
    },
  }
}
