import assert from 'node:assert/strict'
import { test } from 'node:test'
import { takeBackExpiredLeases } from '../../src/delivery/take-back-leases.ts'
import { forEachDatabase } from '../support/database.ts'
import { attemptRows, claimAt, deliveryRow, givenSignOut, settleAs } from '../support/outbox.ts'

forEachDatabase('an outcome that comes after its lease', (database) => {
  test('is not stored beside the outcome of the next try, though both come together (I7, R10)', async () => {
    await using store = await database.open()
    const at = Date.now()
    const { deliveryIds } = await givenSignOut(store, ['wiki'], at)
    const id = deliveryIds[0] as string
    const short = { settings: { leaseMs: 1 } }
    const late = (await claimAt(store, ['wiki'], at, short)).leased[0]
    await new Promise((resolve) => setTimeout(resolve, 20))
    await takeBackExpiredLeases(store, at + 20)
    const current = (await claimAt(store, ['wiki'], at + 1000)).leased[0]
    assert.ok(late && current)
    assert.deepEqual([late.fence, current.fence], [1, 2])

    const outcome = { kind: 'answered', status: 200, answer: '', durationMs: 5 } as const
    const { stored, refusedByFence } = await settleAs(store, [late, current], outcome, at + 1100)

    assert.deepEqual(
      [stored, refusedByFence].map((list) => list.map(({ tried }) => tried.leased.fence)),
      [[2], [1]],
    )
    assert.equal((await deliveryRow(store, id)).state, 'accepted')
    const outcomes = (await attemptRows(store, id)).map((row) => row.outcome)
    assert.deepEqual(outcomes, [null, 'accepted'])
  })
})
