import assert from 'node:assert/strict'
import { test } from 'node:test'
import { reasons } from '../../packages/server/src/sender/reason/reason.ts'
import { reasonsPage } from './reasons-page.ts'

test('every reason code has one heading on the page of reasons', () => {
  const headings = reasonsPage().match(/^### (.*)$/gm) ?? []
  assert.deepEqual(headings.map((one) => one.slice(4)).sort(), Object.keys(reasons).sort())
})
