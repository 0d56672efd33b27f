import assert from 'node:assert/strict'
import { test } from 'node:test'
import { insertAccount } from '../../src/account/change-account.ts'
import { replacePassword } from '../../src/account/credential.ts'
import { createPasswordPool, type PasswordPool } from '../../src/account/password-pool.ts'
import { silentLog } from '../../src/ambient/log.ts'
import { systemRandom } from '../../src/ambient/random.ts'
import { createGuessLines } from '../../src/sign-in/guess-line.ts'
import { admitGuess, sourceOf } from '../../src/sign-in/guessing-limit.ts'
import { type VerifiedCredentials, verifyCredentials } from '../../src/sign-in/verify-credentials.ts'
import type { Store } from '../../src/store/store.ts'
import { cheapPasswords } from '../support/cheap-passwords.ts'
import { forEachDatabase } from '../support/database.ts'
import { someRealm } from '../support/realm-in-memory.ts'
import { givenSession } from '../support/session-fixture.ts'

const realm = someRealm({ id: 'r1', settings: { eventsEnabled: true } })
const start = Date.UTC(2026, 10, 22, 9)
const minuteMs = 60_000
const home = '198.51.100.7'

forEachDatabase('the limit on guessing', (database) => {
  test('of 100 guesses side by side five are looked at, and the right one among the rest does not get in (X-10)', async () => {
    const world = await givenWorld(await database.open())
    const passwords = Array.from({ length: 100 }, (_, index) =>
      index < 50 ? `wrong ${index}` : 'right password',
    )
    const wrong = await Promise.all(
      passwords.slice(0, 50).map((password) => world.guess(password, '203.0.113.1', start)),
    )
    const more = await Promise.all(
      passwords.slice(50).map((password) => world.guess(password, '203.0.113.1', start)),
    )
    assert.equal(world.checkCount(), 5)
    assert.deepEqual(tally(wrong), { invalid: 5, throttled: 45 })
    assert.deepEqual(tally(more), { throttled: 50 })
  })

  test('right passwords side by side all get in, although each one clears the counter of the others', async () => {
    const world = await givenWorld(await database.open())
    const inTurn = async (): Promise<void> => {
      for (let turn = 0; turn < 3; turn++)
        assert.ok((await world.guess('right password', '203.0.113.1', start)).ok)
    }
    await Promise.all(Array.from({ length: 30 }, inTurn))
  })

  test('a guess whose outcome was never learned, because the process died, counts nowhere', async () => {
    const store = await database.open()
    const lines = createGuessLines()
    const guess = { realmId: 'r1', subject: { accountId: 'alice' }, ipAddress: home }
    for (let count = 0; count < 5; count++) await admitGuess({ on: store.read, lines }, guess, start)
    const rows = await store.read.db.selectFrom('login_failure').selectAll().execute()
    assert.deepEqual(rows, [])
    const { reason } = await admitGuess({ on: store.read, lines: createGuessLines() }, guess, start)
    assert.equal(reason, 'admitted')
  })

  test('a hundred guesses wait at one counter, and the next one is asked to come back', async () => {
    const world = await givenWorld(await database.open())
    const results = await Promise.all(Array.from({ length: 120 }, () => world.guess('wrong', home, start)))
    assert.deepEqual(tally(results), { invalid: 5, throttled: 100, busy: 15 })
  })

  test('100 sources with one guess each side by side: 20 in the hour are looked at, at most', async () => {
    const world = await givenWorld(await database.open())
    let looked = 0
    for (let minute = 0; minute < 60; minute += 2) {
      const guesses = Array.from({ length: 5 }, (_, index) => `203.0.${minute}.${index}`)
      const results = await Promise.all(
        guesses.map((ip) => world.guess('wrong', ip, start + minute * minuteMs)),
      )
      looked += results.filter((result) => !result.ok && result.reason === 'invalid').length
    }
    assert.equal(looked, 20)
  })

  test('a device that signed in before is not locked out by strangers, and has a limit of its own (X-10)', async () => {
    const store = await database.open()
    const world = await givenWorld(store)
    await givenSession(store, { uid: 's-home', accountId: 'alice', realmId: 'r1' })
    await store.transact(async (tx) => {
      await tx.db.updateTable('session').set({ ip_address: home, state: 'ended', ended_at: start }).execute()
    })
    for (let hour = 0; hour < 30; hour++)
      await world.guess('wrong', `203.0.113.${hour}`, start + hour * minuteMs)
    const at = start + 31 * minuteMs
    assert.deepEqual(reasonOf(await world.guess('right password', '203.0.113.99', at)), 'throttled')
    assert.deepEqual(reasonOf(await world.guess('right password', home, at)), 'ok')
    for (let count = 0; count < 5; count++) await world.guess('wrong', home, at)
    assert.deepEqual(reasonOf(await world.guess('right password', home, at)), 'throttled')
    assert.deepEqual(reasonOf(await world.guess('right password', home, at + 1000)), 'ok')
  })

  test('the wait is exact: one second before its end the guess is refused, at its end it is looked at', async () => {
    const world = await givenWorld(await database.open())
    for (let count = 0; count < 5; count++) await world.guess('wrong', home, start)
    const refused = await world.guess('right password', home, start + 1)
    assert.equal(!refused.ok && refused.reason === 'throttled' && refused.retryAfterSeconds, 1)
    assert.equal(reasonOf(await world.guess('right password', home, start + 999)), 'throttled')
    assert.equal(reasonOf(await world.guess('right password', home, start + 1000)), 'ok')
  })

  test('the path is closed after 20 failures in an hour, opens after it, and after 100 in a row gives one guess an hour', async () => {
    const world = await givenWorld(await database.open())
    let at = start
    let inFirstHour = 0
    for (; at < start + 60 * minuteMs; at += minuteMs) {
      if (reasonOf(await world.guess('wrong', home, at)) === 'invalid') inFirstHour++
    }
    assert.equal(inFirstHour, 20)
    let failures = 20
    for (; failures < 100; at += minuteMs) {
      if (reasonOf(await world.guess('wrong', home, at)) === 'invalid') failures++
    }
    assert.equal(reasonOf(await world.guess('right password', home, at + 30 * minuteMs)), 'throttled')
    assert.equal(reasonOf(await world.guess('right password', home, at + 60 * minuteMs)), 'ok')
    assert.equal(reasonOf(await world.guess('wrong', home, at + 61 * minuteMs)), 'invalid')
  })

  test('one source that tries one password at many accounts is stopped at 100 in the hour', async () => {
    const world = await givenWorld(await database.open())
    let looked = 0
    for (let index = 0; index < 130; index++) {
      const result = await world.guess('Winter2026', home, start + index, `person-${index}`)
      if (reasonOf(result) === 'invalid') looked++
    }
    assert.equal(looked, 100)
    assert.equal(reasonOf(await world.guess('right password', '192.0.2.1', start + 200)), 'ok')
  })

  test('an unknown name is limited and answered like a known one', async () => {
    const world = await givenWorld(await database.open())
    for (const login of ['alice', 'nobody']) {
      const answers: string[] = []
      for (let count = 0; count < 7; count++)
        answers.push(reasonOf(await world.guess('wrong', `192.0.2.${login.length}`, start, login)))
      assert.deepEqual(
        answers,
        ['invalid', 'invalid', 'invalid', 'invalid', 'invalid', 'throttled', 'throttled'],
        login,
      )
    }
  })

  test('a right password begins the count anew', async () => {
    const world = await givenWorld(await database.open())
    for (let round = 0; round < 3; round++) {
      for (let count = 0; count < 4; count++) await world.guess('wrong', home, start)
      assert.equal(reasonOf(await world.guess('right password', home, start)), 'ok')
    }
  })

  test('that an account is disabled is told only to who knows its password', async () => {
    const store = await database.open()
    const world = await givenWorld(store)
    await store.transact(async (tx) => {
      await tx.db.updateTable('account').set({ enabled: 0 }).execute()
    })
    assert.equal(reasonOf(await world.guess('wrong', home, start)), 'invalid')
    assert.equal(reasonOf(await world.guess('right password', home, start)), 'disabled')
  })

  test('when the pool is full the guess is given back', async () => {
    const store = await database.open()
    const pool = createPasswordPool({ random: systemRandom }, { coreCount: 1, queueLengthMax: 1 })
    const world = await givenWorld(store, pool)
    const results = await Promise.all(
      [1, 2, 3, 4, 5].map((index) => world.guess('wrong', `192.0.2.${index}`, start)),
    )
    assert.ok(tally(results)['busy'], JSON.stringify(tally(results)))
    const rows = await store.read.db
      .selectFrom('login_failure')
      .select('failure_count')
      .orderBy('failure_count', 'desc')
      .execute()
    assert.equal(rows[0]?.failure_count, tally(results)['invalid'])
  })

  test('every failure leaves an event with Keycloak’s word and a sentence, and never the password', async () => {
    const store = await database.open()
    const world = await givenWorld(store)
    await world.guess('sesame-1', home, start)
    await world.guess('sesame-2', home, start, 'sesame-3')
    for (let count = 0; count < 5; count++) await world.guess('sesame-4', home, start)
    const events = await world.events(7)
    assert.deepEqual(
      new Set(events.map((event) => event.error)),
      new Set(['invalid_user_credentials', 'user_not_found', 'user_temporarily_disabled']),
    )
    assert.doesNotMatch(JSON.stringify(events), /sesame/)
    for (const event of events) assert.match(JSON.parse(event.details).explanation, /^[A-Z].*\.$/)
  })
})

test('a source is an IPv4 address, or the /64 of an IPv6 one', () => {
  assert.equal(sourceOf('203.0.113.9'), '203.0.113.9')
  assert.equal(sourceOf('::ffff:203.0.113.9'), '203.0.113.9')
  assert.equal(sourceOf('2001:db8:1:2:aaaa::1'), '2001:db8:1:2::/64')
  assert.equal(sourceOf('2001:0db8:0001:0002::'), '2001:db8:1:2::/64')
  assert.equal(sourceOf('2001:db8::1'), '2001:db8:0:0::/64')
  assert.equal(sourceOf('::1'), '0:0:0:0::/64')
  assert.equal(sourceOf('fe80::1%eth0'), 'fe80:0:0:0::/64')
  assert.equal(sourceOf(undefined), 'unknown')
})

function reasonOf(result: VerifiedCredentials): string {
  return result.ok ? 'ok' : result.reason
}

function tally(results: readonly VerifiedCredentials[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const result of results) counts[reasonOf(result)] = (counts[reasonOf(result)] ?? 0) + 1
  return counts
}

async function givenWorld(store: Store, passwords = cheapPasswords()) {
  const stored = await passwords.hash('right password')
  if (stored === 'busy') throw new Error('the pool has nothing else to do')
  await store.transact(async (tx) => {
    await tx.db
      .insertInto('realm')
      .values({
        id: 'r1',
        name: 'demo',
        enabled: 1,
        cookie_key: 'demo',
        representation: '{}',
        not_before: 0,
        version: 1,
        created_at: start,
        deleted_at: null,
      })
      .execute()
    await insertAccount(tx, {
      id: 'alice',
      realmId: 'r1',
      username: 'alice',
      email: undefined,
      emailVerified: false,
      firstName: undefined,
      lastName: undefined,
      enabled: true,
      attributes: {},
      notBefore: 0,
      serviceAccountClientUuid: undefined,
      createdAt: start,
      representation: {},
    })
    await replacePassword({ random: systemRandom }, tx, 'alice', stored, start)
  })
  let checkCount = 0
  const counting: PasswordPool = {
    check(kept, password) {
      checkCount++
      return passwords.check(kept, password)
    },
    hash: (password) => passwords.hash(password),
    load: passwords.load,
  }
  const guessLines = createGuessLines()
  const deps = { store, passwords: counting, guessLines, random: systemRandom, log: silentLog }
  return {
    checkCount: () => checkCount,
    guess: (password: string, ipAddress: string, at: number, login = 'alice') =>
      verifyCredentials(deps, realm, login, password, { ipAddress, clientId: 'wiki' }, at),
    async events(countMin: number) {
      for (;;) {
        const rows = await store.read.db.selectFrom('event').select(['type', 'error', 'details']).execute()
        if (rows.length >= countMin) return rows
        await new Promise((resolve) => setTimeout(resolve, 10))
      }
    },
  }
}
