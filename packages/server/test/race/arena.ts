/** Where pairs of operations race: one realm on one database, and as many freshly signed in people as there are orders. */
import assert from 'node:assert/strict'
import { systemAmbient } from '../../src/ambient/ambient.ts'
import type { GateName } from '../../src/ambient/gate.ts'
import { signOut } from '../../src/sign-out/sign-out.ts'
import type { SignOutResult, SignOutScope } from '../../src/sign-out/sign-out-command.ts'
import { spreadSignOut } from '../../src/sign-out/spread-sign-out.ts'
import type { TestDatabase } from '../support/database.ts'
import { type OpHost, startOpHost } from '../support/op-host.ts'
import type { TokenAnswer, Tokens } from '../support/relying-party.ts'
import type { UserAgent } from '../support/user-agent.ts'
import { createSequencer, type Operation, type Sequencer } from './all-orders.ts'

export const derivationGates = (kind: 'exchange' | 'refresh'): readonly GateName[] => [
  `${kind}.beforeCommit`,
  `${kind}.afterLock`,
]
export const signOutGates: readonly GateName[] = [
  'signOut.beforeLock',
  'signOut.afterLock',
  'signOut.beforeCommit',
]

export interface Arena extends AsyncDisposable {
  readonly host: OpHost
  readonly sequencer: Sequencer
  /** A person who has just signed in at wiki and chat. */
  newSession(): Promise<{
    readonly uid: string
    readonly browser: UserAgent
    signOut(scope?: SignOutScope): Operation<SignOutResult>
  }>
  makeIdle(uid: string): Promise<void>
  /** Lets the second half of a wide sign-out run to its end. */
  spread(): Promise<void>
  told(uid: string): Promise<readonly string[]>
  causes(uid: string): Promise<readonly string[]>
  assertDead(rp: ReturnType<OpHost['rp']>, answer: TokenAnswer): Promise<void>
}

export async function openArena(database: TestDatabase): Promise<Arena> {
  const sequencer = createSequencer()
  const ambient = systemAmbient({ gate: sequencer.gate })
  const store = await database.open(ambient)
  const attributes = { 'backchannel.logout.url': 'https://application.example/logout' }
  const clients = ['wiki', 'chat', 'files'].map((clientId) => ({ clientId, attributes }))
  const host = await startOpHost({
    store,
    ambient,
    clients: [...clients, { clientId: 'spa', publicClient: true, attributes: {} }],
  })
  const { db } = store.read
  return {
    host,
    sequencer,
    async newSession() {
      const browser = host.browser()
      const first: Tokens = await host.rp('wiki').signIn(browser)
      await host.rp('chat').signIn(browser)
      const row = await db
        .selectFrom('client_session')
        .select('session_uid')
        .where('sid', '=', sidOf(first))
        .executeTakeFirstOrThrow()
      return {
        uid: row.session_uid,
        browser,
        signOut: (scope = { kind: 'session', sessionUid: row.session_uid }) => ({
          gates: signOutGates,
          run: () =>
            signOut(host.deps, {
              realmId: host.realm().id,
              scope,
              kind: 'ordinary',
              cause: 'account_page',
              initiator: 'user',
              actor: {},
            }),
        }),
      }
    },
    async makeIdle(uid) {
      await store.transact(async (tx) => {
        await tx.db
          .updateTable('session')
          .set({ idle_until: ambient.clock.now() - 1 })
          .where('uid', '=', uid)
          .execute()
      })
    },
    async spread() {
      while (await spreadSignOut(host.deps));
    },
    async told(uid) {
      const rows = await db
        .selectFrom('delivery')
        .select('client_id')
        .where('session_uid', '=', uid)
        .orderBy('client_id')
        .execute()
      return rows.map((row) => row.client_id)
    },
    async causes(uid) {
      const rows = await db.selectFrom('sign_out').select('cause').where('session_uid', '=', uid).execute()
      return rows.map((row) => row.cause)
    },
    async assertDead(rp, { status, body }) {
      if (status !== 200) return
      const refused = await rp.refresh(body.refresh_token ?? '')
      assert.deepEqual([refused.status, refused.body.error], [400, 'invalid_grant'])
    },
    async [Symbol.asyncDispose]() {
      await host[Symbol.asyncDispose]()
      await store[Symbol.asyncDispose]()
    },
  }
}

function sidOf({ id_token }: Tokens): string {
  const payload = id_token.split('.')[1] ?? ''
  return (JSON.parse(Buffer.from(payload, 'base64url').toString()) as { sid: string }).sid
}
