import assert from 'node:assert/strict'
import { test } from 'node:test'
import { forEachDatabase } from '../support/database.ts'
import { freePort } from '../support/postgres.ts'
import { startReceiver } from '../support/receiver.ts'
import { startWholeServer, type WholeServer } from '../support/whole-server.ts'

forEachDatabase('an application that is down when a person signs out', (database) => {
  test('is told within 3 s of its next due try once it is back, and the others do not wait for it (I10)', async () => {
    const port = await freePort()
    const wikiUrl = `http://127.0.0.1:${port}/wiki/backchannel-logout`
    await using others = await startReceiver()
    await using world = await startWholeServer(database, {
      clients: [
        { clientId: 'wiki', backchannelUrl: wikiUrl },
        { clientId: 'chat', backchannelUrl: others.urlOf('chat') },
      ],
    })
    const agent = world.browser()
    const { session_state: sid } = await world.rp('wiki').signIn(agent)
    const { id_token } = await world.rp('chat').signIn(agent)
    await agent.get(world.rp('chat').logoutUrl({ id_token_hint: id_token }))
    await others.until(1)
    const dueAt = await untilTriedOnce(world)

    await using wiki = await startReceiver(port)
    const [told] = await wiki.until(1, { timeoutMs: 15_000 })
    assert.equal(told?.claims['sid'], sid)
    const lateMs = (told?.at ?? 0) - dueAt
    assert.ok(lateMs < 3000, `told ${lateMs} ms after its next try was due`)
    await world.server.drain()
    assert.deepEqual(
      (await attemptsOf(world)).map(({ outcome, reason }) => [outcome, reason]),
      [
        ['recoverable', 'net.refused'],
        ['accepted', null],
      ],
    )
    assert.equal(others.received.length, 1)
  })
})

/** The time of the next try, when the first one has failed. */
async function untilTriedOnce({ server }: WholeServer): Promise<number> {
  for (;;) {
    const row = await server.store.read.db
      .selectFrom('delivery')
      .select(['due_at', 'state', 'attempt_count'])
      .where('client_id', '=', 'wiki')
      .executeTakeFirst()
    if (row?.state === 'pending' && row.attempt_count > 0) return row.due_at
    await new Promise((next) => setTimeout(next, 20))
  }
}

function attemptsOf({ server }: WholeServer) {
  return server.store.read.db
    .selectFrom('attempt')
    .innerJoin('delivery', 'delivery.id', 'attempt.delivery_id')
    .where('delivery.client_id', '=', 'wiki')
    .select(['attempt.outcome', 'attempt.reason'])
    .orderBy('attempt.number')
    .execute()
}
