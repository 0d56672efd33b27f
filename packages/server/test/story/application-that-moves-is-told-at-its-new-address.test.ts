/** The address of an application is wrong; an administrator corrects it, and what waits or was blocked goes there. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import { forEachDatabase } from '../support/database.ts'
import { freePort } from '../support/postgres.ts'
import { startReceiver } from '../support/receiver.ts'
import { startWholeServer, type WholeServer } from '../support/whole-server.ts'

async function untilState(world: WholeServer, clientId: string, state: string): Promise<void> {
  for (let tryNumber = 0; tryNumber < 200; tryNumber++) {
    const row = await world.server.store.read.db
      .selectFrom('delivery')
      .select(['state', 'attempt_count'])
      .where('client_id', '=', clientId)
      .executeTakeFirst()
    if (row?.state === state && row.attempt_count > 0) return
    await wait(50)
  }
  assert.fail(`${clientId} never became ${state}`)
}

forEachDatabase('an application whose address was wrong', (database) => {
  test('D7, D13, R17: is told at the new one at once, whether it was blocked, not reachable or had said no', async () => {
    await using receiver = await startReceiver()
    receiver.behave('old', 404)
    const wrong = {
      blocked: 'http://127.0.0.1:25/backchannel-logout',
      away: `http://127.0.0.1:${await freePort()}/backchannel-logout`,
      moved: receiver.urlOf('old'),
    }
    const clientIds = Object.keys(wrong) as (keyof typeof wrong)[]
    const at = (urlOf: (id: keyof typeof wrong) => string) => ({
      clients: clientIds.map((clientId) => ({ clientId, backchannelUrl: urlOf(clientId) })),
    })
    await using world = await startWholeServer(
      database,
      at((id) => wrong[id]),
    )
    const browser = world.browser()
    for (const id of clientIds) await world.rp(id).signIn(browser)
    const tokens = await world.rp('away').signIn(browser)
    await browser.get(world.rp('away').logoutUrl({ id_token_hint: tokens.id_token }))
    await untilState(world, 'blocked', 'blocked')
    await untilState(world, 'away', 'pending')
    await untilState(world, 'moved', 'pending')

    await world.reimport(at((id) => receiver.urlOf(id)))
    const isTold = (id: string): boolean => receiver.received.some(({ clientId }) => clientId === id)
    for (let tryNumber = 0; tryNumber < 100 && !clientIds.every(isTold); tryNumber++) await wait(50)
    assert.deepEqual(clientIds.filter(isTold), clientIds)
    const accepted = world.server.store.read.db
      .selectFrom('attempt as a')
      .innerJoin('delivery as d', 'd.id', 'a.delivery_id')
      .select(['d.client_id', 'd.generation', 'd.replay_actor', 'a.address', 'a.outcome'])
      .where('a.outcome', '=', 'accepted')
      .orderBy('d.client_id')
    // an outcome is stored a moment after its answer
    let attempts = await accepted.execute()
    for (let tryNumber = 0; tryNumber < 100 && attempts.length < clientIds.length; tryNumber++) {
      await wait(20)
      attempts = await accepted.execute()
    }
    assert.deepEqual(
      attempts.map((row) => [row.client_id, row.generation, row.replay_actor, row.address]),
      [
        ['away', 1, null, receiver.urlOf('away')],
        ['blocked', 2, 'import', receiver.urlOf('blocked')],
        ['moved', 1, null, receiver.urlOf('moved')],
      ],
    )
  })
})
