import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { allowedOrigins, isOriginAllowed, type OriginRegistration } from './web-origins.ts'

const client = (webOrigins: string[]): OriginRegistration => ({
  webOrigins,
  redirectUris: ['https://app.example/*', 'https://app.example:8443/cb', '/rel', 'app:/cb', '*'],
  rootUrl: 'https://root.example/app',
  publicClient: true,
  attributes: {},
})

describe('web origins (§19.3)', () => {
  test('+ is the origins of the redirect URIs, each once', () => {
    const origins = ['https://app.example', 'https://app.example:8443', 'https://root.example']
    assert.deepEqual(allowedOrigins(client(['+', 'https://app.example'])), origins)
  })

  test('* allows every origin but null', () => {
    assert.deepEqual(allowedOrigins(client(['*'])), ['*'])
    assert.ok(isOriginAllowed(client(['*']), 'https://any.example'))
    assert.ok(!isOriginAllowed(client(['*']), 'null'))
  })

  test('an origin is compared whole', () => {
    assert.ok(isOriginAllowed(client(['https://app.example/']), 'https://app.example'))
    assert.ok(!isOriginAllowed(client(['https://app.example']), 'https://app.example.evil'))
    assert.ok(!isOriginAllowed(client(['https://app.example']), 'http://app.example'))
    assert.deepEqual(allowedOrigins(client(['https://*.example', 'app.example', '/', ''])), [])
  })
})
