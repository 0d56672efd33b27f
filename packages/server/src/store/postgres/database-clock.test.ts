import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { MachineClock } from '../../ambient/clock.ts'
import { createCorrectedClock } from './database-clock.ts'

const trueAt = Date.UTC(2026, 10, 22, 10, 42)

/** A machine whose clock is off by `offsetMs`; `passMs` lets true time pass. */
function machineOff(offsetMs: number) {
  let passedMs = 0
  let offMs = offsetMs
  const events: string[] = []
  const clock: MachineClock = { now: () => trueAt + passedMs + offMs, elapsedMs: () => 5000 + passedMs }
  const corrected = createCorrectedClock(clock, { write: (_level, event) => events.push(event) })
  return {
    now: () => corrected.now() - trueAt - passedMs,
    events,
    pass(ms: number) {
      passedMs += ms
    },
    set(ms: number) {
      offMs = ms
    },
    /** The database answers after a round trip, in the middle of which it looked at its clock. */
    hear(roundTripMs = 2) {
      const askedAtMs = clock.elapsedMs()
      passedMs += roundTripMs
      corrected.hear(trueAt + passedMs - roundTripMs / 2, askedAtMs, clock.elapsedMs())
    },
  }
}

describe("the time of a process beside the database's clock (R18, S-10)", () => {
  for (const offsetMs of [300_000, -300_000, 3_600_000, -3_600_000, 700]) {
    test(`is right on a machine whose clock is ${offsetMs} ms off, and the log says so once`, () => {
      const machine = machineOff(offsetMs)
      machine.hear()
      for (let i = 0; i < 30; i++) {
        machine.pass(10_000)
        assert.ok(Math.abs(machine.now()) <= 1, `${machine.now()} ms`)
        machine.hear()
      }
      assert.deepEqual(machine.events, ['store.clock_corrected'])
    })
  }

  test("is the machine's own where the two agree within half a second", () => {
    const machine = machineOff(-120)
    machine.hear()
    machine.pass(10_000)
    assert.equal(machine.now(), -120)
    assert.deepEqual(machine.events, [])
  })

  test('goes on when the machine is set forward or back by an hour between two answers (F-28)', () => {
    for (const step of [3_600_000, -3_600_000, 60_000, -2000]) {
      const machine = machineOff(20)
      machine.hear()
      machine.pass(4000)
      machine.set(step)
      assert.ok(Math.abs(machine.now()) <= 1, `${machine.now()} ms after a step of ${step}`)
      machine.hear()
      machine.pass(4000)
      assert.ok(Math.abs(machine.now()) <= 1)
      machine.set(0)
      machine.hear()
      assert.equal(machine.now(), 0)
      assert.deepEqual(machine.events, ['store.clock_corrected', 'store.clock_agrees'])
    }
  })

  test('does not believe an answer that was long under way, unless it is the only one', () => {
    const machine = machineOff(300_000)
    machine.hear(4000)
    assert.ok(Math.abs(machine.now()) <= 2000)
    machine.hear()
    machine.hear(9000)
    assert.ok(Math.abs(machine.now()) <= 1)
  })
})
