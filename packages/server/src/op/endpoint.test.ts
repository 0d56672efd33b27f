import assert from 'node:assert/strict'
import { validateHeaderValue } from 'node:http'
import { test } from 'node:test'
import { challengeRealm } from './endpoint.ts'

test('a challenge names any realm that may be imported, in characters that a header can carry (RFC 9110 §5.5)', () => {
  const expected = {
    demo: 'realm="demo"',
    'Bürgeramt-北': 'realm="B%C3%BCrgeramt-%E5%8C%97"',
    '☃\u{1F600}': 'realm="%E2%98%83%F0%9F%98%80"',
    'a"b\\c\r\n': 'realm="a%22b%5Cc%0D%0A"',
  }
  for (const [name, value] of Object.entries(expected)) {
    assert.equal(challengeRealm({ name }), value)
    validateHeaderValue('www-authenticate', value)
  }
})
