import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemAmbient } from '../../src/ambient/ambient.ts'
import { claimDeliveries } from '../../src/delivery/claim.ts'
import { defaultDeliverySettings, endpointIdOf } from '../../src/delivery/delivery.ts'
import type { Channel } from '../../src/rp/client.ts'
import { readSession } from '../../src/session/read-session.ts'
import { isAlive } from '../../src/session/session.ts'
import { expireSessions } from '../../src/sign-out/expire-sessions.ts'
import { type SignOutDeps, signOut } from '../../src/sign-out/sign-out.ts'
import { forEachDatabase } from '../support/database.ts'
import { manySlots } from '../support/outbox.ts'
import { testClient, testRealm, testRealms } from '../support/realm-fixture.ts'
import { givenSession } from '../support/session-fixture.ts'

const at = 1_700_000_000_000
const realm = testRealm([
  testClient('wiki', { attributes: { 'backchannel.logout.url': 'https://wiki.example/bc' } }),
])

forEachDatabase('many sessions whose time is over together', (database) => {
  test('R14: are closed by time at once, told in batches of the low class, and a person who signs out goes first', async () => {
    await using store = await database.open()
    for (let index = 0; index < 120; index++)
      await givenSession(store, { uid: `s${index}`, clientIds: ['wiki'], idleUntil: at })
    await givenSession(store, { uid: 'person', clientIds: ['wiki'] })
    // no sweep has run
    const one = await readSession(store.read, 's7')
    assert.ok(one && one.state === 'active' && !isAlive(one, at) && isAlive(one, at - 1))

    // the high class goes first in four of five claims: this draw is one of them
    const random = { bytes: (count: number) => Buffer.alloc(count, 0xff) }
    const ambient = systemAmbient({ clock: { now: () => at } })
    const initiators: string[] = []
    const deps: SignOutDeps = {
      onSignOut: (_realm, { initiator }) => initiators.push(initiator),
      store,
      ambient,
      realms: testRealms(realm),
      random: ambient.random,
      log: ambient.log,
    }
    const endedCounts = [await expireSessions(deps), await expireSessions(deps)]
    const told = await signOut(deps, {
      realmId: 'r1',
      scope: { kind: 'session', sessionUid: 'person' },
      kind: 'ordinary',
      cause: 'rp_initiated',
      initiator: 'user',
      actor: {},
    })
    assert.ok(told.ok)
    endedCounts.push(await expireSessions(deps), await expireSessions(deps))
    assert.deepEqual(endedCounts, [50, 50, 20, 0])
    // the metrics hear of each
    const ended = (count: number): readonly string[] => Array.from({ length: count }, () => 'expiry')
    assert.deepEqual(initiators, [...ended(100), 'user', ...ended(20)])

    const senders = new Set<Channel>(['oidc-back-channel'])
    const claiming = { ...ambient, random, store, senders, settings: defaultDeliverySettings, owner: 'test' }
    const endpointId = endpointIdOf('r1', 'wiki', 'oidc-back-channel')
    const { leased } = await claimDeliveries(claiming, [endpointId], manySlots, at + 5000)
    assert.deepEqual(
      leased.map(({ priority, subject }) => [priority, subject.sessionUid === 'person']),
      [
        ['high', true],
        ['low', false],
      ],
    )
  })
})
