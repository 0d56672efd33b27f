import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import { systemAmbient } from '../../src/ambient/ambient.ts'
import type { Log, LogLevel } from '../../src/ambient/log.ts'
import { systemRandom } from '../../src/ambient/random.ts'
import type { EventRealm, NewEvent } from '../../src/event/event.ts'
import { rowsPerSourceAndSecondMax } from '../../src/event/event-backlog.ts'
import { detailLengthMax } from '../../src/event/insert-events.ts'
import { clearEvents, pruneEvents } from '../../src/event/prune-events.ts'
import { readAdminEvents } from '../../src/event/read-admin-events.ts'
import { readEvents } from '../../src/event/read-events.ts'
import { type AdminEvent, recordAdminEvent } from '../../src/event/record-admin-event.ts'
import { recordEvent, recordEventAlone } from '../../src/event/record-event.ts'
import type { Store } from '../../src/store/store.ts'
import { forEachDatabase } from '../support/database.ts'

interface Entry {
  readonly level: LogLevel
  readonly event: string
  readonly fields: Readonly<Record<string, unknown>>
  readonly message: string | undefined
}

function createListLog(): Log & { readonly entries: Entry[] } {
  const entries: Entry[] = []
  return {
    entries,
    write: (level, event, fields, message) => void entries.push({ level, event, fields, message }),
  }
}

let realmCount = 0
/** A realm of its own for every test, so that the tests share one database and not one row. */
function newRealm(settings: Partial<EventRealm['settings']> = {}): EventRealm & AdminEvent['realm'] {
  realmCount += 1
  const defaults = { eventsEnabled: true, enabledEventTypes: undefined, adminEventsEnabled: true }
  return { id: `r${realmCount}`, name: `realm-${realmCount}`, settings: { ...defaults, ...settings } }
}

function signOutOf(realm: EventRealm, changes: Partial<NewEvent> = {}): NewEvent {
  return {
    realm,
    type: 'LOGOUT',
    clientId: 'wiki',
    accountId: 'alice-id',
    sessionUid: 'uid-1',
    ipAddress: '203.0.113.9',
    details: { cause: 'rp_initiated', sign_out_id: 'so_1' },
    ...changes,
  }
}

const newestFirst = { first: 0, max: 100, direction: 'desc' } as const

forEachDatabase('the audit trail', (database) => {
  let store: Store
  before(async () => {
    store = await database.open()
  })
  const record = (event: NewEvent, at: number, log: Log = createListLog()): Promise<void> =>
    store.transact((tx) => recordEvent({ random: systemRandom, log }, tx, event, at))

  test('an event is stored with everything that was said of it (KE-01)', async () => {
    const realm = newRealm()
    const log = createListLog()
    await record(
      signOutOf(realm, { type: 'LOGOUT_ERROR', error: 'invalid_token', explanation: 'Because.' }),
      5,
      log,
    )
    const [event] = await readEvents(store.read, realm, {}, newestFirst)
    assert.ok(event)
    const { id, ...rest } = event
    assert.match(id, /^[0-9a-f-]{36}$/)
    assert.deepEqual(rest, {
      at: 5,
      type: 'LOGOUT_ERROR',
      realmId: realm.id,
      realmName: realm.name,
      clientId: 'wiki',
      accountId: 'alice-id',
      sessionUid: 'uid-1',
      ipAddress: '203.0.113.9',
      error: 'invalid_token',
      details: { cause: 'rp_initiated', sign_out_id: 'so_1' },
      explanation: 'Because.',
    })
    assert.deepEqual(
      log.entries.map(({ level, event: name, message }) => [level, name, message?.slice(0, 17)]),
      [['warn', 'event.recorded', 'type=LOGOUT_ERROR']],
    )
  })

  test('a transaction that rolls back leaves neither row nor line', async () => {
    const realm = newRealm()
    const log = createListLog()
    const rolledBack = store.transact(async (tx) => {
      await recordEvent({ random: systemRandom, log }, tx, signOutOf(realm), 1)
      throw new Error('rolled back')
    })
    await assert.rejects(rolledBack, /rolled back/)
    assert.deepEqual(await readEvents(store.read, realm, {}, newestFirst), [])
    assert.deepEqual(log.entries, [])
  })

  test('types that Keycloak does not save by default are logged and not stored, unless the realm lists them (KE-03, KE-06)', async () => {
    for (const type of [
      'REFRESH_TOKEN',
      'INTROSPECT_TOKEN',
      'USER_SESSION_DELETED',
      'LOGOUT_DELIVERY_ERROR',
    ] as const) {
      const log = createListLog()
      const plain = newRealm()
      const listing = newRealm({ enabledEventTypes: [type] })
      await record(signOutOf(plain, { type }), 1, log)
      await record(signOutOf(listing, { type }), 1, log)
      await record(signOutOf(listing), 1, log)
      assert.equal((await readEvents(store.read, plain, {}, newestFirst)).length, 0)
      const stored = await readEvents(store.read, listing, {}, newestFirst)
      assert.deepEqual(
        stored.map((event) => event.type),
        [type],
      )
      assert.equal(log.entries.length, 3)
    }
  })

  test('an error is stored even where its success is not, because its sentence answers questions', async () => {
    const realm = newRealm()
    await record(signOutOf(realm, { type: 'REFRESH_TOKEN_ERROR', error: 'invalid_token' }), 1)
    assert.equal((await readEvents(store.read, realm, {}, newestFirst)).length, 1)
  })

  test('a realm with events switched off stores none, and logs them', async () => {
    const realm = newRealm({ eventsEnabled: false })
    const log = createListLog()
    await record(signOutOf(realm), 1, log)
    assert.deepEqual(await readEvents(store.read, realm, {}, newestFirst), [])
    assert.equal(log.entries.length, 1)
  })

  test('each filter narrows, times are from inclusive to exclusive, pages do not overlap, and no realm sees another (KE-42)', async () => {
    const realm = newRealm()
    await record(signOutOf(newRealm()), 1)
    await record(signOutOf(realm, { type: 'LOGIN' }), 10)
    await record(signOutOf(realm, { clientId: 'chat' }), 20)
    await record(signOutOf(realm, { accountId: 'bob-id', ipAddress: '::1', sessionUid: 'uid-2' }), 30)
    const at = async (filter: Parameters<typeof readEvents>[2], page = {}): Promise<number[]> =>
      (await readEvents(store.read, realm, filter, { ...newestFirst, ...page })).map((event) => event.at)
    assert.deepEqual(await at({}), [30, 20, 10])
    assert.deepEqual(await at({}, { direction: 'asc' }), [10, 20, 30])
    assert.deepEqual(await at({ types: ['LOGIN', 'REGISTER'] }), [10])
    assert.deepEqual(await at({ clientId: 'chat' }), [20])
    assert.deepEqual(await at({ accountId: 'bob-id' }), [30])
    assert.deepEqual(await at({ sessionUid: 'uid-2' }), [30])
    assert.deepEqual(await at({ ipAddress: '::1' }), [30])
    assert.deepEqual(await at({ from: 20 }), [30, 20])
    assert.deepEqual(await at({ until: 20 }), [10])
    assert.deepEqual(await at({}, { first: 1, max: 1 }), [20])
    assert.deepEqual(await at({}, { first: 3 }), [])
  })

  test('values that a database would refuse or that fill it are made storable', async () => {
    const realm = newRealm()
    await record(signOutOf(realm, { clientId: 'a\0b\ud800', details: { v: 'x'.repeat(100_000) } }), 1)
    const [event] = await readEvents(store.read, realm, {}, newestFirst)
    assert.equal(event?.clientId, 'a��b�'.replace('��', '�'))
    assert.equal(event.details['v']?.length, detailLengthMax + 1)
  })

  test('an error outside a transaction is stored, and many at once share their commits', async () => {
    const realm = newRealm()
    const log = createListLog()
    const events = Array.from({ length: 40 }, (_, n) =>
      signOutOf(realm, { type: 'LOGOUT_ERROR', clientId: `c${n}` }),
    )
    await Promise.all(events.map((event) => recordEventAlone({ random: systemRandom, log }, store, event, 1)))
    assert.equal((await readEvents(store.read, realm, {}, newestFirst)).length, 40)
    assert.equal(log.entries.filter(({ event }) => event === 'event.recorded').length, 40)
  })

  test('a flood from one source keeps its lines, is bounded in rows, and leaves room for other sources', async () => {
    const realm = newRealm()
    const log = createListLog()
    const deps = { random: systemRandom, log }
    const flooding = await database.open(systemAmbient({ log }))
    const at = 50_000
    const all = Array.from({ length: 2 * rowsPerSourceAndSecondMax }, () =>
      recordEventAlone(
        deps,
        flooding,
        signOutOf(realm, { type: 'LOGIN_ERROR', ipAddress: '198.51.100.1' }),
        at,
      ),
    )
    all.push(
      recordEventAlone(
        deps,
        flooding,
        signOutOf(realm, { type: 'LOGIN_ERROR', ipAddress: '203.0.113.7' }),
        at,
      ),
    )
    await Promise.all(all)
    const stored = await readEvents(flooding.read, realm, {}, { ...newestFirst, max: 1000 })
    assert.equal(stored.length, rowsPerSourceAndSecondMax + 1)
    assert.equal(stored.filter((event) => event.ipAddress === '203.0.113.7').length, 1)
    const leftOut = log.entries.find(({ event }) => event === 'event.rows_left_out')
    assert.equal(leftOut?.fields['count'], rowsPerSourceAndSecondMax)
    await recordEventAlone(
      deps,
      flooding,
      signOutOf(realm, { type: 'LOGIN_ERROR', ipAddress: '198.51.100.1' }),
      at + 1000,
    )
    assert.equal(
      (await readEvents(flooding.read, realm, {}, { ...newestFirst, max: 1000 })).length,
      rowsPerSourceAndSecondMax + 2,
    )
  })

  test('a database that is away makes no request fail: the line is written and the loss is said', async () => {
    const realm = newRealm()
    const log = createListLog()
    const away = await database.open()
    await away[Symbol.asyncDispose]()
    await recordEventAlone({ random: systemRandom, log }, away, signOutOf(realm, { type: 'LOGIN_ERROR' }), 1)
    assert.deepEqual(
      log.entries.map(({ event }) => event),
      ['event.recorded', 'event.rows_lost'],
    )
  })

  test('retention deletes what is older, by realm, and nothing else', async () => {
    const day = 24 * 60 * 60 * 1000
    const realm = newRealm()
    const other = newRealm()
    for (const each of [realm, other])
      for (const at of [day, 2 * day, 3 * day]) await record(signOutOf(each), at)
    const keeps = (days: number) => ({
      id: realm.id,
      settings: { eventsRetentionDays: days },
      attributes: {},
    })
    assert.equal(await pruneEvents(store, keeps(0), 100 * day), 0)
    assert.equal(await pruneEvents(store, keeps(2), 4 * day), 1)
    assert.equal((await readEvents(store.read, realm, {}, newestFirst)).length, 2)
    assert.equal(await clearEvents(store, 'event', realm.id, 4 * day), 2)
    assert.equal((await readEvents(store.read, other, {}, newestFirst)).length, 3)
  })

  test('an admin event is stored with who did what where, and its line is logged (KE-40)', async () => {
    const realm = newRealm()
    const log = createListLog()
    const auth = {
      realmId: 'master-id',
      clientId: 'admin-cli-uuid',
      accountId: 'admin-id',
      ipAddress: '127.0.0.1',
    }
    const event: AdminEvent = {
      realm,
      operationType: 'ACTION',
      resourceType: 'USER',
      resourcePath: 'users/alice-id/logout',
      auth,
      details: { sign_out_id: 'so_1' },
    }
    await store.transact((tx) => recordAdminEvent({ random: systemRandom, log }, tx, event, 7))
    const [stored] = await readAdminEvents(
      store.read,
      realm.id,
      { resourcePath: 'users/*/logout' },
      newestFirst,
    )
    assert.ok(stored)
    const { id: _, ...rest } = stored
    assert.deepEqual(rest, {
      at: 7,
      realmId: realm.id,
      operationType: 'ACTION',
      resourceType: 'USER',
      resourcePath: 'users/alice-id/logout',
      auth,
      representation: undefined,
      error: undefined,
      details: { sign_out_id: 'so_1' },
    })
    assert.deepEqual(
      await readAdminEvents(store.read, realm.id, { resourcePath: 'clients/*' }, newestFirst),
      [],
    )
    assert.deepEqual(await readAdminEvents(store.read, realm.id, { authAccountId: 'x' }, newestFirst), [])
    assert.equal(
      log.entries[0]?.message,
      `operationType=ACTION, realmId=master-id, clientId=admin-cli-uuid, userId=admin-id, ipAddress=127.0.0.1, resourceType=USER, resourcePath=users/alice-id/logout, targetRealmId=${realm.id}`,
    )
  })

  test('a realm that keeps no admin events stores none', async () => {
    const realm = { ...newRealm(), settings: { adminEventsEnabled: false } }
    const auth = { realmId: 'm', clientId: undefined, accountId: undefined, ipAddress: undefined }
    const event: AdminEvent = {
      realm,
      operationType: 'DELETE',
      resourceType: 'USER',
      resourcePath: 'users/x',
      auth,
    }
    await store.transact((tx) =>
      recordAdminEvent({ random: systemRandom, log: createListLog() }, tx, event, 1),
    )
    assert.deepEqual(await readAdminEvents(store.read, realm.id, {}, newestFirst), [])
  })
})
