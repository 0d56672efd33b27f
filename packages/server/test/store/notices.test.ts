import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import { systemAmbient } from '../../src/ambient/ambient.ts'
import { openStore, type Store } from '../../src/store/store.ts'
import { forEachDatabase } from '../support/database.ts'

forEachDatabase('notices between processes', (database) => {
  test('are sent while another process lives, spared while there is none, and sent again when one comes', {
    skip: database.dialect === 'sqlite' && 'the embedded database belongs to one process',
  }, async () => {
    const settings = await database.create()
    let now = Date.now()
    const ambient = systemAmbient({ clock: { now: () => now } })
    await using first = await openStore(settings, ambient)
    const heard = await listenFrom(settings.databaseUrl ?? '')
    try {
      {
        await using _second = await openStore(settings, systemAmbient())
        await untilHeard(first, heard.payloads, 'in company')
      }
      // a greeting of the second one may still be on its way
      await delay(200)
      // three of them would have come by now
      now += 31_000
      await first.transact(async (tx) => tx.notify('settled', 'alone'))
      await first.transact(async (tx) => tx.notify('realm', 'always'))
      await using _third = await openStore(settings, systemAmbient())
      await untilHeard(first, heard.payloads, 'in company again')
      assert.ok(!heard.payloads.includes('alone'))
      assert.ok(heard.payloads.includes('always'), 'realms change seldom, and must be seen within a second')
    } finally {
      await heard.end()
    }
  })

  test('of what is due go to the listeners of the same process, and name nothing when somebody did not say', async () => {
    await using store = await database.open()
    const heard: unknown[] = []
    store.onWake('delivery', (payload, due) =>
      heard.push([payload, due?.map(({ endpointId }) => endpointId)]),
    )
    const due = (endpointId: string) => [{ endpointId, dueAt: 1 }]
    await store.transact(async (tx) => {
      tx.notify('delivery', 'whole', due('a'))
      tx.notify('delivery', 'whole', due('b'))
      tx.notify('delivery', 'partly', due('a'))
      tx.notify('delivery', 'partly')
      tx.notify('delivery', 'partly', due('c'))
    })
    assert.deepEqual(heard, [
      ['whole', ['a', 'b']],
      ['partly', undefined],
    ])
  })
})

async function untilHeard(store: Store, heard: readonly string[], payload: string): Promise<void> {
  for (let i = 0; i < 100 && !heard.includes(payload); i++) {
    await store.transact(async (tx) => tx.notify('settled', payload))
    await delay(50)
  }
  assert.ok(heard.includes(payload), payload)
}

/** Somebody who hears everything and greets nobody. */
async function listenFrom(url: string): Promise<{ payloads: readonly string[]; end(): Promise<void> }> {
  const client = new pg.Client({ connectionString: url })
  const payloads: string[] = []
  client.on('notification', ({ payload = '' }) => payloads.push(payload.slice(payload.indexOf(' ') + 1)))
  await client.connect()
  for (const channel of ['settled', 'realm']) await client.query(`listen curfew_${channel}`)
  return { payloads, end: () => client.end() }
}
