import assert from 'node:assert/strict'
import { test } from 'node:test'
import { attributeQuery } from './attribute-query.ts'

test('pairs are parted by spaces, and quotes keep spaces and colons in a name or a value', () => {
  assert.deepEqual(attributeQuery('department:sales "home town":"New York" url:https://x.example'), {
    department: 'sales',
    'home town': 'New York',
    url: 'https://x.example',
  })
})

test('nothing asked is no filter, and what is no pair is left out', () => {
  assert.equal(attributeQuery(undefined), undefined)
  assert.deepEqual(attributeQuery('word a:1'), { a: '1' })
})
