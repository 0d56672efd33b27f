import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type ProofRecord, proofPage } from './proof-page.ts'

const record = (figures: ProofRecord['figures']): ProofRecord => ({
  title: 'Nothing is lost',
  command: 'npm run crash',
  seconds: 10,
  ranOn: '2 cores',
  commit: 'abc1234',
  isOk: true,
  figures,
})

test('a figure of both databases is one row, with its bar', () => {
  const lost = { title: 'lost', value: 0, unit: '', bar: { atMost: 0 } }
  const page = proofPage({
    crash: record([
      { ...lost, dialect: 'sqlite' },
      { ...lost, dialect: 'postgres' },
      { title: 'kills', value: 200, unit: '' },
    ]),
  })
  assert.ok(page.includes('\n| lost | ≤ 0 | 0 | 0 |\n'))
  assert.ok(page.includes('\n| kills |  | 200 |  |\n'))
  assert.match(page, /All 2 figures that have a bar reach it/)
})

test('what falls short of its bar is said at the top and marked in its row', () => {
  const page = proofPage({
    crash: record([{ title: 'lost', dialect: 'postgres', value: 3, unit: '', bar: { atMost: 0 } }]),
  })
  assert.match(
    page,
    /0 of 1 figures that have a bar reach it. Short of it:\n\n- lost, on PostgreSQL: 3 \(≤ 0\)/,
  )
  assert.ok(page.includes('\n| lost | ≤ 0 | – | **3** |\n'))
})
