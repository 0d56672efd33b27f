import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { readCookie } from './read-cookie.ts'

const name = '__Host-sid-demo'

describe('a cookie of a request', () => {
  test('is found among others by its whole name, with spaces around it or without', () => {
    for (const header of [
      `${name}=v`,
      `a=b; ${name}=v; c=d`,
      `a=b;${name} =\tv `,
      `x${name}=no; ${name}=v`,
    ]) {
      assert.equal(readCookie(header, name), 'v', header)
    }
    assert.equal(readCookie(`${name}=a=b`, name), 'a=b')
    assert.equal(readCookie(`${name}=first; ${name}=second`, name), 'first')
  })

  test('that is empty, of another name or not there is none', () => {
    for (const header of [
      undefined,
      '',
      `${name}=`,
      name,
      `=${name}`,
      'a=b',
      `${name}2=v`,
      `${name.toLowerCase()}=v`,
    ]) {
      assert.equal(readCookie(header, name), undefined, header)
    }
  })

  test('whose name only looks like the protected one after a generous trim is another cookie (ASVS 3.3.1)', () => {
    for (const space of ['\u00a0', '\u0085', '\u000b', '\u000c', '\u2000', '\ufeff']) {
      assert.equal(readCookie(`${space}${name}=evil`, name), undefined)
      assert.equal(readCookie(`a=b; ${name}${space}=evil`, name), undefined)
    }
  })
})
