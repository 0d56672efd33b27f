/** A sign-out with more applications that only a browser can tell than its page loads frames. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemAmbient } from '../../src/ambient/ambient.ts'
import { type SignOutDeps, signOut } from '../../src/sign-out/sign-out.ts'
import type { SignOutScope } from '../../src/sign-out/sign-out-command.ts'
import { readFrames } from '../../src/sign-out/trigger/read-frames.ts'
import type { Store } from '../../src/store/store.ts'
import { forEachDatabase } from '../support/database.ts'
import { testClient, testRealm, testRealms } from '../support/realm-fixture.ts'
import { givenSession } from '../support/session-fixture.ts'

const at = 1_700_000_000_000
const names = Array.from({ length: 52 }, (_, index) => `app-${String(index).padStart(2, '0')}`)
const realm = testRealm(
  names.map((name) =>
    testClient(name, {
      frontchannelLogout: true,
      redirectUris: [`https://${name}.example/callback`],
      attributes: { 'frontchannel.logout.url': `https://${name}.example/out` },
    }),
  ),
)

function signOutOf(store: Store, scope: SignOutScope, overrides: Partial<SignOutDeps> = {}) {
  const ambient = systemAmbient({ clock: { now: () => at } })
  const deps = { store, ambient, realms: testRealms(realm), random: ambient.random, log: ambient.log }
  const actor = { accountId: 'alice' }
  const command = {
    realmId: 'r1',
    scope,
    kind: 'ordinary',
    cause: 'rp_initiated',
    initiator: 'user',
  } as const
  return signOut({ ...deps, ...overrides }, { ...command, actor, hasBrowser: true })
}

forEachDatabase('more applications than a page has frames', (database) => {
  test('of one session 50 are asked, and the others have a verdict that says why not (D15, I9)', async () => {
    await using store = await database.open()
    await givenSession(store, { uid: 's1', clientIds: names })
    const result = await signOutOf(store, { kind: 'session', sessionUid: 's1' })
    assert.ok(result.ok)
    await assertFrames(store, result.signOutId)
  })

  test('all sessions of a person share the one page that the browser loads', async () => {
    await using store = await database.open()
    await givenSession(store, { uid: 's1', clientIds: names.slice(0, 30) })
    await givenSession(store, { uid: 's2', clientIds: names.slice(30) })
    const heard: string[] = []
    const result = await signOutOf(
      store,
      { kind: 'account', accountId: 'alice' },
      {
        onSignOut: () => heard.push('decision'),
        onTelling: (_realm, { members, deliveries }) => heard.push(`${members.length} ${deliveries.length}`),
      },
    )
    assert.ok(result.ok)
    await assertFrames(store, result.signOutId)
    // one decision, though each session has a sign-out of its own
    assert.deepEqual(heard.toSorted(), ['22 22', '30 30', 'decision'])
  })
})

async function assertFrames(store: Store, signOutId: string): Promise<void> {
  const rows = await store.read.db
    .selectFrom('delivery')
    .select(['client_id', 'address', 'state', 'reason', 'settled_at', 'attempt_count'])
    .orderBy('client_id')
    .execute()
  const asked = rows.filter(({ state }) => state === 'unconfirmed')
  const frames = await readFrames(store.read, signOutId)
  assert.equal(frames.length, 50)
  assert.deepEqual(
    frames.map(({ address }) => address).toSorted(),
    asked.map(({ address }) => address),
  )
  assert.deepEqual(
    rows.filter((row) => !asked.includes(row)).map(({ address: _, client_id: __, ...row }) => row),
    Array.from({ length: 2 }, () => ({
      state: 'unreachable',
      reason: 'front.too_many',
      settled_at: at,
      attempt_count: 0,
    })),
  )
}
