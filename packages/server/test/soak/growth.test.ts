import assert from 'node:assert/strict'
import { test } from 'node:test'
import { growthOf, type Sample } from './growth.ts'

const samples = (residentMib: (turn: number) => number): readonly Sample[] =>
  Array.from({ length: 30 }, (_, turn) => ({
    residentMib: residentMib(turn),
    fileDescriptorCount: 40,
    connectionCount: 10,
    waitingCount: turn % 7,
  }))

test('a soak sees what grows, and lets a run warm up', () => {
  const memory = (list: readonly Sample[]) => growthOf(list).find(({ name }) => name === 'residentMib')
  assert.equal(memory(samples((turn) => 200 + turn * 5))?.isFlat, false)
  assert.equal(memory(samples((turn) => (turn < 10 ? 50 + turn * 15 : 200)))?.isFlat, true)
  assert.ok(growthOf(samples(() => 200)).every(({ isFlat }) => isFlat))
})
