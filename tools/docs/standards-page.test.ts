import assert from 'node:assert/strict'
import { test } from 'node:test'
import { idsIn, standardsPage } from './standards-page.ts'

test('numbers of requirements are read from a title, ranges included', () => {
  assert.deepEqual(
    [...idsIn('a token without events is refused (BCL-46, I4, SR-18)')],
    ['BCL-46', 'I4', 'SR-18'],
  )
  assert.deepEqual([...idsIn('the receiver checks BCL-42–44')], ['BCL-42', 'BCL-43', 'BCL-44'])
  assert.deepEqual([...idsIn('oidcc-scope-email: userinfo has it (CONF-02)')].sort(), [
    'CONF-02',
    'oidcc-scope-email',
  ])
  assert.deepEqual([...idsIn('RS256 and SHA-256 at 10–20 ms')], [])
})

test('the page has a row for every requirement of the standards that the server implements', () => {
  const page = standardsPage()
  for (const id of ['RIL-01', 'RIL-24', 'BCL-10', 'BCL-67', 'SR-20', 'D1', 'D20', 'I16', 'R28']) {
    assert.ok(page.includes(`\n| ${id}`), id)
  }
})
