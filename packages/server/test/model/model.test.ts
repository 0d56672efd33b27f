import assert from 'node:assert/strict'
import { test } from 'node:test'
import { forEachDatabase } from '../support/database.ts'
import { runModel } from './run-model.ts'

const seed = Number(process.env['CURFEW_TEST_SEED'] ?? process.pid)
/** `npm run explore` goes further. */
const size = { runCount: 30, commandCountMax: 16 }

forEachDatabase('the server and the model of it', (database) => {
  test(`say the same after any commands: who is in, what opens, who is told (I1, I2, I3, I12, I13, S-04), seed ${seed}`, async () => {
    assert.ok((await runModel(database, { ...size, seed })) > size.runCount)
  })
})
