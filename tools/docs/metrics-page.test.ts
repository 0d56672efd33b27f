import assert from 'node:assert/strict'
import { test } from 'node:test'
import { catalogue, labels } from '../../packages/server/src/telemetry/catalogue.ts'
import { metricsPage } from './metrics-page.ts'

test('every metric and every label has one line on the page of metrics', () => {
  const lines = metricsPage().match(/^\| `(\w+)` \|/gm) ?? []
  const named = lines.map((line) => line.replaceAll(/[|` ]/g, ''))
  assert.deepEqual(named.sort(), [...Object.keys(catalogue), ...Object.keys(labels)].sort())
})
