import assert from 'node:assert/strict'
import { test } from 'node:test'
import { returnAddress } from './return-address.ts'

test('state is echoed percent-encoded, also to an existing query, and only if it was sent (RIL-13, KL-04)', () => {
  assert.equal(returnAddress('https://a.example/bye', undefined), 'https://a.example/bye')
  assert.equal(returnAddress('https://a.example/bye', 'x y&z=1'), 'https://a.example/bye?state=x%20y%26z%3D1')
  assert.equal(returnAddress('https://a.example/bye?p=1', 's'), 'https://a.example/bye?p=1&state=s')
  assert.equal(returnAddress('https://a.example/bye?', 's'), 'https://a.example/bye?state=s')
  assert.equal(returnAddress('https://a.example/#/bye', 's'), 'https://a.example/?state=s#/bye')
})

test('a state with line breaks cannot start a header of its own', () => {
  assert.equal(
    returnAddress('https://a.example/', 'a\r\nset-cookie: b'),
    'https://a.example/?state=a%0D%0Aset-cookie%3A%20b',
  )
})
