import assert from 'node:assert/strict'
import { test } from 'node:test'
import { growthOf, isFlat, type Sample } from './growth.ts'

const samples = (changed: (turn: number) => Partial<Sample>): readonly Sample[] =>
  Array.from({ length: 30 }, (_, turn) => ({
    residentMib: 200,
    fileDescriptorCount: 40,
    connectionCount: 10,
    waitingCount: turn % 7,
    rowCount: 5000 + turn,
    databaseMib: 40,
    ...changed(turn),
  }))

const growing = (list: readonly Sample[]): readonly string[] =>
  growthOf(list)
    .filter((one) => !isFlat(one))
    .map(({ title }) => title)

test('a soak sees what grows, each measure by its own rule, and lets a run warm up', () => {
  assert.deepEqual(growing(samples(() => ({}))), [])
  assert.deepEqual(growing(samples((turn) => ({ residentMib: 200 + turn * 5 }))), ['resident memory'])
  assert.deepEqual(growing(samples((turn) => ({ residentMib: turn < 10 ? 50 + turn * 15 : 200 }))), [])
  assert.deepEqual(growing(samples((turn) => ({ connectionCount: 10 + turn }))), [
    'connections to the database',
  ])
  assert.deepEqual(growing(samples((turn) => ({ rowCount: turn * 1000 }))), ['rows stored'])
})
