import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { contentSecurityPolicy, pageHeaders } from './security-headers.ts'

describe('headers of a page', () => {
  test('a page without script allows none, and nothing from elsewhere', () => {
    assert.equal(
      contentSecurityPolicy({ isHttps: true }),
      "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; object-src 'none'",
    )
  })

  test('a live page adds its own script and its own stream', () => {
    assert.match(
      contentSecurityPolicy({ isHttps: true, isLive: true }),
      /script-src 'self'; connect-src 'self'/,
    )
  })

  test('form-action gets exactly the origin of the one redirect URI', () => {
    const policy = contentSecurityPolicy({
      isHttps: true,
      redirectUri: 'https://wiki.example:8443/cb?a=b;script-src *',
    })
    assert.match(policy, /form-action 'self' https:\/\/wiki\.example:8443;/)
    assert.doesNotMatch(policy, /script-src/)
    assert.match(
      contentSecurityPolicy({ isHttps: true, redirectUri: 'com.example.app:/cb' }),
      /form-action 'self' com\.example\.app:;/,
    )
    assert.match(
      contentSecurityPolicy({ isHttps: true, redirectUri: 'not an address' }),
      /form-action 'self';/,
    )
  })

  test('frame-src gets exactly the origins of the sign-out', () => {
    const policy = contentSecurityPolicy({
      isHttps: true,
      frameOrigins: ['https://a.example/x?y=;', 'http://localhost:3000/z'],
    })
    assert.match(policy, /frame-src https:\/\/a\.example http:\/\/localhost:3000;/)
    assert.throws(
      () => contentSecurityPolicy({ isHttps: true, frameOrigins: ['javascript:alert(1)'] }),
      TypeError,
    )
  })

  test('HSTS is sent when the public address is https, and only then', () => {
    assert.equal(
      pageHeaders({ isHttps: true })['strict-transport-security'],
      'max-age=31536000; includeSubDomains',
    )
    assert.equal(pageHeaders({ isHttps: false })['strict-transport-security'], undefined)
  })

  test('every page has the rest of the bar (ASVS 3.4)', () => {
    const headers = pageHeaders({ isHttps: true })
    assert.equal(headers['x-content-type-options'], 'nosniff')
    assert.equal(headers['referrer-policy'], 'no-referrer')
    assert.equal(headers['cache-control'], 'no-store')
    assert.equal(headers['x-frame-options'], 'DENY')
  })
})
