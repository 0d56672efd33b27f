/**
 * `npm run explore -- [--runs 3000] [--database sqlite|postgres] [--seed N] [--path P]`: the model's commands, that often,
 * on each database. A failure prints its shortest form with the seed and the path that repeat it. Exit code 1 then.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import type { Dialect } from '../../src/store/store.ts'
import { printFigure } from '../support/figure.ts'
import { createDatabase, startPostgres } from '../support/postgres.ts'
import { runModel } from './run-model.ts'

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '3000' },
    database: { type: 'string' },
    seed: { type: 'string' },
    path: { type: 'string' },
  },
})
const run = {
  runCount: Number(values.runs),
  commandCountMax: 40,
  seed: values.seed === undefined ? process.pid : Number(values.seed),
  path: values.path,
}
const dialects: readonly Dialect[] = values.database ? [values.database as Dialect] : ['sqlite', 'postgres']

for (const dialect of dialects) {
  const startedAt = performance.now()
  let differenceCount = 0
  try {
    const value = await exploreOn(dialect)
    printFigure({ title: 'model: applications told', dialect, value, unit: '' })
  } catch (error) {
    differenceCount = 1
    process.exitCode = 1
    console.log(`${dialect}, seed ${run.seed}:`, error)
  }
  const seconds = Math.round((performance.now() - startedAt) / 1000)
  printFigure({ title: `model: seconds of ${run.runCount} runs`, dialect, value: seconds, unit: '' })
  const bar = { atMost: 0 }
  printFigure({
    title: 'model: answers that it does not expect',
    dialect,
    value: differenceCount,
    unit: '',
    bar,
  })
}

async function exploreOn(dialect: Dialect): Promise<number> {
  const dataDir = mkdtempSync(join(tmpdir(), 'curfew-model-'))
  const postgres = dialect === 'postgres' ? await startPostgres() : undefined
  const databaseUrl = postgres && (await createDatabase(postgres.url)).url
  try {
    return await runModel({ create: async () => ({ dataDir, databaseUrl }) }, run)
  } finally {
    await postgres?.stop()
    rmSync(dataDir, { recursive: true, force: true })
  }
}
