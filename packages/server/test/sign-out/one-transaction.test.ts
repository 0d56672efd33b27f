import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sql } from 'kysely'
import { systemAmbient } from '../../src/ambient/ambient.ts'
import { type SignOutDeps, signOut } from '../../src/sign-out/sign-out.ts'
import type { SignOutCommand } from '../../src/sign-out/sign-out-command.ts'
import type { Store } from '../../src/store/store.ts'
import { forEachDatabase } from '../support/database.ts'
import { createGates } from '../support/gates.ts'
import { testClient, testRealm, testRealms } from '../support/realm-fixture.ts'
import { givenSession } from '../support/session-fixture.ts'

const realm = testRealm([
  testClient('wiki', { attributes: { 'backchannel.logout.url': 'https://wiki.example/bc' } }),
])
const command: SignOutCommand = {
  realmId: 'r1',
  scope: { kind: 'session', sessionUid: 's1' },
  kind: 'ordinary',
  cause: 'rp_initiated',
  initiator: 'user',
  actor: {},
}

function depsFor(store: Store, gate: NonNullable<Parameters<typeof systemAmbient>[0]>['gate']): SignOutDeps {
  const ambient = systemAmbient({ ...(gate ? { gate } : {}) })
  return { store, ambient, realms: testRealms(realm), random: ambient.random, log: ambient.log }
}

/** What anybody else sees: the session, its tokens, the sign-out, the deliveries. */
async function visible({ read: { db } }: Store): Promise<readonly unknown[]> {
  const count = async (table: 'artifact' | 'sign_out' | 'delivery') =>
    Number(
      (
        await db
          .selectFrom(table)
          .select((e) => e.fn.countAll().as('n'))
          .executeTakeFirst()
      )?.n,
    )
  const session = await db.selectFrom('session').select('state').executeTakeFirst()
  return [session?.state, await count('artifact'), await count('sign_out'), await count('delivery')]
}

const before = ['active', 1, 0, 0]
const after = ['ended', 0, 1, 1]

async function given(store: Store): Promise<void> {
  await givenSession(store, { uid: 's1', clientIds: ['wiki'] })
  const token = { id_hash: 't1', realm_id: 'r1', kind: 'RefreshToken', session_uid: 's1', client_id: 'wiki' }
  const rest = { account_id: 'alice', grant_id: null, user_code_hash: null, uid: null, is_offline: 0 }
  const times = { payload: '{}', created_at: 1, consumed_at: null, expires_at: null }
  await store.transact((tx) =>
    tx.db
      .insertInto('artifact')
      .values({ ...token, ...rest, ...times })
      .execute(),
  )
}

forEachDatabase('the transaction of a sign-out', (database) => {
  test('D1: session, tokens, sign-out and deliveries change together and before anybody is answered', async () => {
    const gates = createGates()
    await using store = await database.open()
    await given(store)
    const committing = gates.hold('signOut.beforeCommit')
    const answering = gates.hold('signOut.afterCommit')
    let isAnswered = false
    const signingOut = signOut(depsFor(store, gates.gate), command).then(() => (isAnswered = true))
    await committing.reached
    assert.deepEqual(await visible(store), before)
    committing.release()
    await answering.reached
    assert.deepEqual(await visible(store), after)
    assert.equal(isAnswered, false)
    answering.release()
    await signingOut
  })

  test('D1: what breaks before the commit leaves nothing of it', async () => {
    await using store = await database.open()
    await given(store)
    for (const name of ['signOut.afterLock', 'signOut.afterMembers', 'signOut.beforeCommit']) {
      const broken = depsFor(store, (at) => {
        if (at === name) throw new Error(`broken at ${name}`)
      })
      await assert.rejects(signOut(broken, command), /broken at/)
      assert.deepEqual(await visible(store), before)
    }
  })

  test('D1: a commit is on the disk before it is acknowledged', async () => {
    await using store = await database.open()
    const setting =
      store.dialect === 'sqlite'
        ? sql<{ value: unknown }>`select synchronous as value from pragma_synchronous`
        : sql<{ value: unknown }>`select current_setting('synchronous_commit') as value`
    const { rows } = await store.transact((tx) => setting.execute(tx.db))
    // SQLite: 2 is FULL
    assert.equal(rows[0]?.value, store.dialect === 'sqlite' ? 2 : 'on')
  })
})
