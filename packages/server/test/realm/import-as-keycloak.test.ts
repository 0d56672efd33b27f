/** What Keycloak 26 makes of a file that leaves things out, measured at one; and what the report owes its reader. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { findAccountByLogin } from '../../src/account/find-account.ts'
import { systemAmbient } from '../../src/ambient/ambient.ts'
import { systemRandom } from '../../src/ambient/random.ts'
import { serverSecret } from '../../src/key/seal.ts'
import { importRealm } from '../../src/realm/import/import-realm.ts'
import { renderImportReport } from '../../src/realm/import/import-report.ts'
import { createRealms } from '../../src/realm/realms.ts'
import { allowedOrigins } from '../../src/rp/web-origins.ts'
import type { Store } from '../../src/store/store.ts'
import { forEachDatabase } from '../support/database.ts'

const secret = serverSecret(Buffer.alloc(32, 7))

async function importAndLoad(store: Store, file: object) {
  const deps = { store, secret, random: systemRandom, isAddressAllowed: () => ({ ok: true as const }) }
  const text = JSON.stringify({ realm: 'short', enabled: true, ...file })
  const result = await importRealm(deps, { name: 'short.json', text }, {}, 1_800_000_000_000)
  assert.ok(result.ok, JSON.stringify(result))
  const realms = createRealms({ store, secret, ambient: systemAmbient(), baseUrl: 'https://id.example' })
  const realm = await realms.byName('short')
  assert.ok(realm)
  return { realm, report: renderImportReport(result.report) }
}

forEachDatabase('a file that leaves things out, as Keycloak reads it', (database) => {
  test('a client without webOrigins may be called from its redirect URIs, one with an empty list from nowhere (§19.3)', async () => {
    await using store = await database.open()
    const redirectUris = ['https://app.example/*', 'https://app.example/cb', 'app.scheme:/cb', '/relative/*']
    const { realm } = await importAndLoad(store, {
      clients: [
        { clientId: 'silent', publicClient: true, redirectUris },
        { clientId: 'closed', publicClient: true, redirectUris, webOrigins: [] },
      ],
    })
    const originsOf = (clientId: string) => {
      const client = realm.clients.get(clientId)
      assert.ok(client)
      return allowedOrigins(client)
    }
    assert.deepEqual(originsOf('silent'), ['https://app.example'])
    assert.deepEqual(originsOf('closed'), [])
  })

  test('a client that names one kind of client scopes gets none of the other (§19.3)', async () => {
    await using store = await database.open()
    const { realm } = await importAndLoad(store, {
      clients: [
        { clientId: 'defaults', defaultClientScopes: ['email'] },
        { clientId: 'optional', optionalClientScopes: ['phone'] },
        { clientId: 'neither' },
      ],
    })
    const scopesOf = (clientId: string) => {
      const client = realm.clients.get(clientId)
      return [client?.defaultClientScopes, client?.optionalClientScopes]
    }
    assert.deepEqual(scopesOf('defaults'), [['email'], []])
    assert.deepEqual(scopesOf('optional'), [[], ['phone']])
    assert.ok(scopesOf('neither').every((names) => names && names.length > 0))
  })

  test('a group whose name has a slash keeps its members, written plainly or escaped (§19.2)', async () => {
    await using store = await database.open()
    const { realm, report } = await importAndLoad(store, {
      groups: [
        {
          name: 'company',
          path: '/company',
          subGroups: [
            { id: 'g-plain', name: 'core/team', path: '/company/core/team' },
            { id: 'g-escaped', name: 'a/b', path: '/company/a~/b' },
          ],
        },
      ],
      users: [{ username: 'alice', enabled: true, groups: ['/company/core/team', '/company/a~/b'] }],
    })
    const alice = await findAccountByLogin(store.read, { id: realm.id, loginWithEmailAllowed: true }, 'alice')
    assert.deepEqual([...(alice?.groupIds ?? [])].sort(), ['g-escaped', 'g-plain'])
    assert.equal(realm.groups.get('g-plain')?.path, '/company/core/team')
    assert.ok(!report.includes('there is no group'), report)
  })

  test('the report names what protected people and applications in Keycloak and does not here (KZ-90)', async () => {
    await using store = await database.open()
    const otp = { type: 'otp', secretData: '{"value":"x"}', credentialData: '{"subType":"totp"}' }
    const { report } = await importAndLoad(store, {
      passwordPolicy: 'length(12)',
      failureFactor: 3,
      attributes: { frontendUrl: 'https://id.example/auth/' },
      clients: [
        { clientId: 'old-app', publicClient: true },
        { clientId: 'spa', publicClient: true, attributes: { 'pkce.code.challenge.method': 'S256' } },
        {
          clientId: 'sealed',
          attributes: {
            'id.token.encrypted.response.alg': 'RSA-OAEP',
            'access.token.signed.response.alg': 'RS512',
            'oidc.ciba.grant.enabled': 'false',
          },
          protocolMappers: [
            { name: 'script', protocol: 'openid-connect', protocolMapper: 'script-x.js' },
            { name: 'sub', protocol: 'openid-connect', protocolMapper: 'oidc-sub-mapper' },
          ],
        },
      ],
      users: [
        { username: 'alice', enabled: true, credentials: [{ value: 'a' }, otp] },
        {
          username: 'bob',
          enabled: true,
          requiredActions: ['VERIFY_EMAIL'],
          credentials: [{ value: 'b', temporary: true }],
        },
        { username: 'carol', enabled: true, credentials: [{ value: 'c' }] },
      ],
    })
    const expected = [
      '1 account had a second step or another way to sign in (otp)',
      '1 account had something to do before the next sign-in (VERIFY_EMAIL, UPDATE_PASSWORD)',
      'public clients must use PKCE with S256, which Keycloak does not ask of them: see that these do (old-app)',
      'the addresses of this realm begin with https://id.example/auth (frontendUrl)',
      'tokens are signed with RS256 instead of what is asked for (sealed: RS512)',
      'failureFactor: so many wrong passwords would lock an account for a while',
      'passwordPolicy: rules for new passwords',
      'client "sealed": id.token.encrypted.response.alg: ID tokens would be encrypted',
      'client "sealed": mapper "script": would write claims; Curfew has no mapper of the kind script-x.js',
    ]
    for (const part of expected) assert.ok(report.includes(part), `${part}\n---\n${report}`)
    for (const part of ['ciba', 'mapper "sub"', 'carol']) assert.ok(!report.includes(part), part)
  })
})
