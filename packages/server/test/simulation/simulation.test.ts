/** The short form of `npm run simulate` (delivery.md, S-01 and S-02). */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import { replaceSigning } from './keys.ts'
import { plantNamed } from './planted/all-plants.ts'
import type { Planted } from './planted/planted.ts'
import { statementPlants } from './planted/statement-plants.ts'
import { createStage, runSeed } from './run-seed.ts'
import { runSeeds } from './run-seeds.ts'

const fixtures = JSON.parse(readFileSync(new URL('seeds.json', import.meta.url), 'utf8')) as readonly {
  readonly seed: number
  readonly was: string
}[]

describe('the simulator', () => {
  test('finds no violation of I1–I9 and I11–I16 in the seeds of ten seconds, and they replay (S-01)', async () => {
    const report = await runSeeds({ from: 1_000_000, count: 3000, cpuSecondsMax: 10 })
    assert.deepEqual(
      report.failures.map(({ seed, failure }) => `seed ${seed}: ${failure?.message}`),
      [],
    )
    assert.deepEqual(report.lostDeterminism, [])
    assert.ok(report.seedCount >= 100, `only ${report.seedCount} seeds were run`)
  })

  test('the same seed gives the same history, another seed another one', async () => {
    const putBack = replaceSigning()
    try {
      const stage = await createStage()
      const first = await runSeed(stage, 5)
      await runSeed(stage, 6)
      assert.equal((await runSeed(stage, 5)).hash, first.hash)
      assert.notEqual((await runSeed(stage, 6)).hash, first.hash)
    } finally {
      putBack()
    }
  })

  for (const { seed, was } of fixtures) {
    test(`seed ${seed} finds nothing where a fault was found once: ${was}`, async () => {
      const report = await runSeeds({ from: seed, count: 1 })
      assert.deepEqual(
        report.failures.map(({ failure }) => failure?.message),
        [],
      )
    })
  }

  test('every bug that is planted in a statement still meets it (S-02)', async () => {
    const unmet = new Set(statementPlants)
    const listening: Planted = {
      name: 'listening',
      breaks: [],
      rewrite(text, label) {
        for (const planted of unmet) if (planted.rewrite?.(text, label) !== text) unmet.delete(planted)
        return text
      },
    }
    const stage = await createStage()
    const putBack = replaceSigning()
    try {
      for (let seed = 1; seed <= 500 && unmet.size > 0; seed++)
        await runSeed(stage, seed, { planted: listening })
    } finally {
      putBack()
    }
    assert.deepEqual(
      [...unmet].map(({ name }) => name),
      [],
    )
  })

  const worst = [
    'authorization-does-not-lock-the-session',
    'refresh-does-not-lock-the-session',
    'enqueue-after-commit',
    'accepted-before-sending',
    'signed-at-enqueue',
    'lease-is-taken-back-early',
    'wide-session-forgets-the-rest',
  ]
  for (const name of worst) {
    test(`finds the planted bug "${name}" (S-02)`, async () => {
      const planted = plantNamed(name)
      const report = await runSeeds({ from: 1, count: 1000, planted, failureCountMax: 1 })
      const invariant = report.failures[0]?.failure?.invariant
      assert.ok(invariant !== undefined && planted.breaks.includes(invariant), `found by ${invariant}`)
    })
  }
})
