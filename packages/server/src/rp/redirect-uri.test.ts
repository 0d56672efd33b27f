import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { hostileRedirectUris } from '../../test/fixture/hostile-redirect-uris.ts'
import {
  matchPostLogoutUri,
  matchRedirectUri,
  type RedirectRegistration,
  wildcardProblem,
  withoutFragment,
} from './redirect-uri.ts'

const client = (
  redirectUris: string[],
  overrides: Partial<RedirectRegistration> = {},
): RedirectRegistration => ({
  redirectUris,
  rootUrl: undefined,
  publicClient: false,
  attributes: {},
  ...overrides,
})

const postLogout = (value: string, overrides: Partial<RedirectRegistration> = {}): RedirectRegistration =>
  client(['https://app.example/cb'], { attributes: { 'post.logout.redirect.uris': value }, ...overrides })

describe('hostile return addresses (X-04)', () => {
  test('the corpus has at least 150 different addresses', () => {
    assert.ok(new Set(hostileRedirectUris).size >= 150)
    assert.equal(new Set(hostileRedirectUris).size, hostileRedirectUris.length)
  })

  const registrations: Record<string, RedirectRegistration> = {
    exact: client(['https://app.example/app/callback', 'http://127.0.0.1/native/cb']),
    wildcard: client(['https://app.example/app/*', 'http://127.0.0.1/native/cb']),
    'bare wildcard': client([
      '*',
      'https://*',
      'https://*/',
      'https://app.example*',
      '*://app.example/app/*',
    ]),
    'relative wildcard': client(['/app/*'], { rootUrl: 'https://app.example' }),
    'public with an own scheme': client(['com.example.app:/app/cb', 'https://app.example/app/*'], {
      publicClient: true,
    }),
  }
  for (const [name, registration] of Object.entries(registrations)) {
    test(`a client with ${name} registration accepts none of them as redirect_uri`, () => {
      assert.deepEqual(
        hostileRedirectUris.filter((uri) => matchRedirectUri(registration, uri) !== undefined),
        [],
      )
    })

    test(`a client with ${name} registration accepts none of them as post_logout_redirect_uri`, () => {
      assert.deepEqual(
        hostileRedirectUris.filter((uri) => matchPostLogoutUri(registration, uri) !== undefined),
        [],
      )
    })
  }

  test('a hostile address is refused even when somebody registered that very string (KL-26)', () => {
    for (const uri of [
      'https://u@app.example/',
      'https://app.example/..',
      'https://app.example/a\\b',
      'javascript:x',
    ]) {
      assert.equal(matchRedirectUri(client([uri], { publicClient: true }), uri), undefined, uri)
    }
  })
})

describe('generated return addresses (X-04)', () => {
  const registered = client(['https://app.example/app/*', 'https://app.example/cb'])
  const pieces = fc.constantFrom(
    ...[
      'https://',
      'http://',
      '//',
      '/',
      '\\',
      '@',
      ':',
      '443',
      '.',
      '..',
      ';',
      '%2e',
      '%2f',
      '%5c',
      '%25',
      '%00',
      '%0a',
      '#',
      '?',
      '*',
    ],
    ...[
      'app.example',
      'evil.example',
      'app',
      'cb',
      '/app/',
      'https://app.example/app/',
      'https://app.example/cb',
      '\t',
      '\n',
      ' ',
      'é',
    ],
  )
  const uris = fc.array(fc.oneof({ weight: 4, arbitrary: pieces }, fc.string({ maxLength: 3 })), {
    maxLength: 8,
  })
  const started = uris.map((parts) => ['https://app.example/app/', ...parts].join(''))

  test('what is accepted leads every parser to the registered host and below the registered path', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          uris.map((parts) => parts.join('')),
          started,
        ),
        (uri) => {
          const match = matchPostLogoutUri(registered, uri)
          if (match === undefined) return
          const url = new URL(uri)
          assert.equal(url.origin, 'https://app.example')
          assert.equal(url.username + url.password, '')
          assert.ok(match === 'exact' ? url.pathname === '/cb' : `${url.pathname}/`.startsWith('/app/'), uri)
          assert.ok(!decodeURIComponent(url.pathname).split('/').includes('..'), uri)
        },
      ),
      { numRuns: 20_000 },
    )
  })
})

describe('exact match (KL-21, RIL-20, SEC-01)', () => {
  const registered = client(['https://app.example/cb', 'https://app.example/cb?tenant=1'])

  test('the registered string matches, and nothing that differs in one character', () => {
    assert.equal(matchRedirectUri(registered, 'https://app.example/cb'), 'exact')
    assert.equal(matchRedirectUri(registered, 'https://app.example/cb?tenant=1'), 'exact')
    for (const uri of [
      'https://app.example/cb/',
      'https://app.example/CB',
      'https://app.example/cb?',
      'https://app.example/cb?tenant=2',
      'https://app.example/cb?tenant=1&x=1',
    ]) {
      assert.equal(matchRedirectUri(registered, uri), undefined, uri)
    }
  })

  test('a fragment is refused in redirect_uri, and compared as it stands after sign-out', () => {
    assert.equal(
      matchRedirectUri(client(['https://app.example/#/in']), 'https://app.example/#/in'),
      undefined,
    )
    assert.equal(
      matchPostLogoutUri(postLogout('https://app.example/#/out'), 'https://app.example/#/out'),
      'exact',
    )
    assert.equal(
      matchPostLogoutUri(postLogout('https://app.example/'), 'https://app.example/#/out'),
      undefined,
    )
  })

  test("an app's own scheme is for public clients and only as registered (KL-24)", () => {
    const uris = ['com.example.app:/cb', 'com.example.app://host/path/*']
    assert.equal(matchRedirectUri(client(uris, { publicClient: true }), 'com.example.app:/cb'), 'exact')
    assert.equal(
      matchRedirectUri(client(uris, { publicClient: true }), 'com.example.app://host/path/x'),
      'wildcard',
    )
    assert.equal(matchRedirectUri(client(uris), 'com.example.app:/cb'), undefined)
    assert.equal(matchRedirectUri(client(uris, { publicClient: true }), 'com.example.other:/cb'), undefined)
  })

  test('on http loopback the port may vary and nothing else (KL-23)', () => {
    const native = client(['http://127.0.0.1/cb', 'http://[::1]/cb', 'http://localhost/spa/*'])
    for (const uri of ['http://127.0.0.1:51004/cb', 'http://[::1]:9/cb', 'http://127.0.0.1/cb']) {
      assert.equal(matchRedirectUri(native, uri), 'exact', uri)
    }
    assert.equal(matchRedirectUri(native, 'http://localhost:5173/spa/home'), 'wildcard')
    assert.equal(matchRedirectUri(native, 'https://127.0.0.1:51004/cb'), undefined)
    assert.equal(
      matchRedirectUri(client(['http://127.0.0.1:3000/cb']), 'http://127.0.0.1:4000/cb'),
      undefined,
    )
    assert.equal(matchRedirectUri(client(['http://app.example/cb']), 'http://app.example:8080/cb'), undefined)
  })

  test('relative values stand on the root URL, and mean nothing without one (KL-25)', () => {
    const uris = ['/cb', '/app/*']
    for (const rootUrl of ['https://app.example', 'https://app.example/']) {
      assert.equal(matchRedirectUri(client(uris, { rootUrl }), 'https://app.example/cb'), 'exact')
      assert.equal(matchRedirectUri(client(uris, { rootUrl }), 'https://app.example/app/x'), 'wildcard')
    }
    assert.equal(matchRedirectUri(client(uris), '/cb'), undefined)
    assert.equal(
      matchRedirectUri(client(uris, { rootUrl: '${authBaseUrl}' }), '${authBaseUrl}/cb'),
      undefined,
    )
  })
})

describe('trailing wildcard (SR-22, KL-22)', () => {
  const spa = client(['https://app.example/app/*'])

  test('a path below the prefix matches, with any query', () => {
    for (const uri of [
      'https://app.example/app/',
      'https://app.example/app/a/b',
      'https://app.example/app/?next=https://app.example/../x',
      'https://app.example/app/%C3%A9',
      'https://app.example/app/@alice',
    ]) {
      assert.equal(matchRedirectUri(spa, uri), 'wildcard', uri)
    }
  })

  test('the prefix without its last slash matches, as in Keycloak', () => {
    assert.equal(matchRedirectUri(client(['https://app.example/*']), 'https://app.example'), 'wildcard')
    assert.equal(matchRedirectUri(client(['https://app.example/*']), 'https://app.example?x=1'), 'wildcard')
    assert.equal(matchRedirectUri(client(['https://app.example/*']), 'https://app.example.evil'), undefined)
  })

  test('a wildcard needs a slash of the path before it, and stands at the end of the path', () => {
    for (const registered of [
      '*',
      'https://*',
      'https://app.example*',
      'https://app.example:*',
      'https://app.example/*/cb',
      'https://app.example/cb?x=*',
      'https://app.example/a*b*',
      'https://*.example/*',
      'https://u@app.example/*',
    ]) {
      for (const uri of [
        'https://app.example/x/cb',
        'https://app.example/cb?x=1',
        'https://app.example/a1b1',
        'https://app.example:1',
        ...(registered.endsWith('*') ? [registered] : []),
      ]) {
        assert.equal(matchRedirectUri(client([registered]), uri), undefined, `${registered} ${uri}`)
      }
    }
    assert.equal(
      matchRedirectUri(client(['https://app.example/signed-*']), 'https://app.example/signed-out'),
      'wildcard',
    )
  })

  test('after sign-out the fragment is dropped before comparing and before redirecting', () => {
    assert.equal(matchPostLogoutUri(spa, 'https://app.example/app/#/home'), 'wildcard')
    assert.equal(withoutFragment('https://app.example/app/#/home'), 'https://app.example/app/')
  })

  test('an exact registration wins over a wildcard one', () => {
    assert.equal(
      matchRedirectUri(client(['https://app.example/*', 'https://app.example/cb']), 'https://app.example/cb'),
      'exact',
    )
  })

  test('a value that is not honoured has a reason for the report', () => {
    assert.equal(wildcardProblem('*'), 'bare_wildcard')
    assert.equal(wildcardProblem('https://app.example*'), 'wildcard_outside_path')
    assert.equal(wildcardProblem('https://app.example/*'), undefined)
    assert.equal(wildcardProblem('/*'), undefined)
    assert.equal(wildcardProblem('https://app.example/cb'), undefined)
  })
})

describe('the list of return addresses (KL-20, KS-07)', () => {
  const isAccepted = (value: string, uri: string): boolean =>
    matchPostLogoutUri(postLogout(value), uri) !== undefined

  test('values are joined with ##, and replace the redirect URIs', () => {
    const value = 'https://app.example/bye##https://app.example/ciao'
    assert.ok(isAccepted(value, 'https://app.example/bye'))
    assert.ok(isAccepted(value, 'https://app.example/ciao'))
    assert.ok(!isAccepted(value, 'https://app.example/cb'))
    assert.ok(!isAccepted(value, value))
  })

  test('absent or empty means the redirect URIs', () => {
    assert.equal(matchPostLogoutUri(client(['https://app.example/cb']), 'https://app.example/cb'), 'exact')
    assert.ok(isAccepted('', 'https://app.example/cb'))
  })

  test('+ anywhere adds the redirect URIs', () => {
    for (const value of ['+', 'https://app.example/bye##+', '+##https://app.example/bye']) {
      assert.ok(isAccepted(value, 'https://app.example/cb'), value)
    }
    assert.ok(isAccepted('+##https://app.example/bye', 'https://app.example/bye'))
  })

  test('- as the first value allows nothing', () => {
    for (const value of ['-', '-##+', '-##https://app.example/bye']) {
      assert.ok(!isAccepted(value, 'https://app.example/cb'), value)
      assert.ok(!isAccepted(value, 'https://app.example/bye'), value)
    }
  })
})
