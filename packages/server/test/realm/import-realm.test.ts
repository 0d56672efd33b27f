import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { updateAccount } from '../../src/account/change-account.ts'
import { findPassword } from '../../src/account/credential.ts'
import { findAccountByLogin, findServiceAccount } from '../../src/account/find-account.ts'
import { verifyPassword } from '../../src/account/password.ts'
import { systemAmbient } from '../../src/ambient/ambient.ts'
import { systemRandom } from '../../src/ambient/random.ts'
import { signingKeyFor } from '../../src/key/key.ts'
import { serverSecret } from '../../src/key/seal.ts'
import { effectiveRoles } from '../../src/realm/effective-roles.ts'
import { type ImportOptions, type ImportResult, importRealm } from '../../src/realm/import/import-realm.ts'
import { type ImportReport, renderImportReport } from '../../src/realm/import/import-report.ts'
import type { ImportFile } from '../../src/realm/import/read-export.ts'
import { openMembers } from '../../src/realm/import/sealed-members.ts'
import type { Realm } from '../../src/realm/realm.ts'
import { createRealms } from '../../src/realm/realms.ts'
import type { Store } from '../../src/store/store.ts'
import { forEachDatabase } from '../support/database.ts'
import { realmExport } from '../support/realm-export.ts'

const fixture = (name: string): ImportFile => ({
  name,
  text: readFileSync(new URL(`../fixture/${name}`, import.meta.url), 'utf8'),
})
const realmFile = fixture('acme-realm.json')
const userFiles = [fixture('acme-users-0.json')]
const secret = serverSecret(Buffer.alloc(32, 7))
const at = 1_800_000_000_000

const isAddressAllowed = (url: string) =>
  new URL(url).hostname.endsWith('.internal')
    ? { ok: false as const, reason: 'it is a private address', setting: '--outbound-allow 10.0.0.0/8:8080' }
    : { ok: true as const }

function importInto(store: Store, file: ImportFile, options: ImportOptions = {}): Promise<ImportResult> {
  return importRealm({ store, secret, random: systemRandom, isAddressAllowed }, file, options, at)
}

async function importAcme(store: Store, file = realmFile): Promise<ImportReport> {
  const result = await importInto(store, file, { userFiles })
  assert.ok(result.ok, JSON.stringify(result))
  return result.report
}

async function load(store: Store, name = 'acme'): Promise<Realm> {
  const realms = createRealms({ store, secret, ambient: systemAmbient(), baseUrl: 'https://id.example' })
  const realm = await realms.byName(name)
  assert.ok(realm)
  return realm
}

async function allText(store: Store): Promise<string> {
  const tables = [
    'realm',
    'client',
    'client_scope',
    'role',
    'group_',
    'account',
    'credential',
    'realm_key',
  ] as const
  const rows = await Promise.all(tables.map((table) => store.read.db.selectFrom(table).selectAll().execute()))
  return JSON.stringify(rows)
}

// biome-ignore lint/suspicious/noExplicitAny: a test edits whatever it likes in a file
const edited = (edit: (realm: any) => void, file = realmFile): ImportFile => {
  const realm = JSON.parse(file.text)
  edit(realm)
  return { name: file.name, text: JSON.stringify(realm) }
}

forEachDatabase('import of a realm', (database) => {
  test('a whole export becomes a realm with its settings, key, clients, roles and groups', async () => {
    await using store = await database.open()
    const report = await importAcme(store)
    assert.equal(report.outcome, 'created')
    assert.equal(report.kind, 'cli')
    const realm = await load(store)
    assert.equal(realm.settings.ssoSessionIdleSeconds, 3600)
    assert.equal(realm.settings.revokeRefreshToken, true)
    assert.equal(realm.settings.passwordGrant, 'clients')
    assert.equal(realm.issuer, 'https://id.example/realms/acme')
    assert.equal(realm.clients.get('wiki')?.secret, 'wiki-secret')
    assert.equal(realm.clients.get('wiki')?.name, 'The wiki')
    assert.equal(realm.clients.get('chat')?.publicClient, true)
    assert.deepEqual(realm.clients.get('wiki')?.defaultClientScopes, ['profile', 'email', 'roles'])
    for (const clientId of [
      'account',
      'account-console',
      'admin-cli',
      'broker',
      'realm-management',
      'security-admin-console',
    ]) {
      assert.ok(realm.clients.has(clientId), clientId)
    }
    assert.deepEqual([...realm.scopes.values()].map((scope) => scope.name).sort(), [
      'email',
      'offline_access',
      'profile',
      'roles',
    ])
    const engineering = [...realm.groups.values()].find((group) => group.path === '/company/engineering')
    assert.equal(realm.groups.get(engineering?.parentId ?? '')?.name, 'company')
    const key = signingKeyFor(realm.keys, 'RS256', at)
    assert.equal(realm.keys.length, 1)
    assert.equal(key?.privateJwk.kty, 'RSA')
  })

  test('people keep their ids, roles, groups and passwords (KZ-80, KZ-81)', async () => {
    await using store = await database.open()
    await importAcme(store)
    const realm = await load(store)
    const login = { id: realm.id, loginWithEmailAllowed: true }
    for (const name of ['alice', 'bob', 'carol', 'dave', 'erin']) {
      const account = await findAccountByLogin(store.read, login, name)
      assert.ok(account, name)
      const password = await findPassword(store.read, account.id)
      assert.ok(password)
      assert.equal(await verifyPassword(password.stored, `${name}'s password`), true, name)
      assert.equal(await verifyPassword(password.stored, `${name}s password`), false, name)
      assert.equal(account.enabled, name !== 'dave')
    }
    const alice = await findAccountByLogin(store.read, login, 'alice@acme.example')
    assert.equal(alice?.id, JSON.parse(userFiles[0]?.text ?? '').users[0].id)
    assert.ok(alice)
    assert.deepEqual(effectiveRoles(realm, alice), {
      realm: ['default-roles-acme', 'offline_access', 'staff', 'uma_authorization'],
      clients: { account: ['manage-account', 'view-profile'], wiki: ['editor', 'reader'] },
    })
    assert.deepEqual(alice.attributes['department'], ['engineering'])
    const erin = await findAccountByLogin(store.read, login, 'erin')
    assert.deepEqual(erin?.representation['requiredActions'], ['UPDATE_PASSWORD'])
    const reporter = await findServiceAccount(store.read, realm.id, realm.clients.get('reporter')?.uuid ?? '')
    assert.equal(reporter?.username, 'service-account-reporter')
  })

  test('no secret of the file is in the database in clear', async () => {
    await using store = await database.open()
    await importAcme(store)
    const text = await allText(store)
    const key = JSON.parse(realmFile.text).components['org.keycloak.keys.KeyProvider'][0].config.privateKey[0]
    for (const clear of [
      'wiki-secret',
      'mail-secret',
      'ldap-secret',
      'partner-secret',
      'aG1hYy1zZWNyZXQ',
      'JBSWY3DPEHPK3PXP',
      "erin's password",
      key.slice(40, 90),
    ]) {
      assert.ok(!text.includes(clear), clear)
    }
  })

  test('the realm in memory shows masks in place of secrets, and the row still has them for an export (KZ-90)', async () => {
    await using store = await database.open()
    await importAcme(store)
    const realm = await load(store)
    assert.deepEqual(realm.representation['smtpServer'], {
      host: 'mail.acme.example',
      from: 'no-reply@acme.example',
      user: 'mailer',
      password: '**********',
    })
    assert.ok(!JSON.stringify(realm.representation).includes('curfew:'))
    const row = await store.read.db.selectFrom('realm').select('representation').executeTakeFirstOrThrow()
    const opened = openMembers(secret, JSON.parse(row.representation))
    const file = JSON.parse(realmFile.text)
    assert.deepEqual(opened['smtpServer'], file.smtpServer)
    assert.deepEqual(opened['identityProviders'], file.identityProviders)
    assert.equal(opened['loginTheme'], 'acme')
  })

  test('the same files again change nothing, not even the version', async () => {
    await using store = await database.open()
    await importAcme(store)
    const before = await allText(store)
    const report = await importAcme(store)
    assert.equal(report.outcome, 'unchanged')
    assert.equal(await allText(store), before)
    // the same content, written differently
    const respelled = await importAcme(
      store,
      edited(() => undefined),
    )
    assert.equal(respelled.outcome, 'unchanged')
    assert.equal(await allText(store), before)
  })

  test('another file changes what it names, reports each change and removes nobody', async () => {
    await using store = await database.open()
    await importAcme(store)
    const before = await load(store)
    const file = edited((realm) => {
      realm.displayName = 'Acme Corporation'
      realm.clients = realm.clients.slice(0, 2)
      realm.clients[0].attributes['backchannel.logout.url'] = 'https://wiki.acme.example/new'
      realm.clients.push({ clientId: 'newcomer', serviceAccountsEnabled: true })
      realm.users = [{ username: 'frank', enabled: true, credentials: [{ value: 'x' }] }]
      realm.smtpServer.password = '**********'
    })
    const result = await importInto(store, file)
    assert.ok(result.ok)
    assert.equal(result.report.outcome, 'changed')
    assert.deepEqual(
      result.report.changes
        .map((change) => `${change.what} ${change.kind} ${change.name}: ${change.members.join()}`)
        .sort(),
      [
        'changed client wiki: attributes',
        'changed realm acme: displayName',
        'created account frank: ',
        'created account service-account-newcomer: ',
        'created client newcomer: ',
      ],
    )
    const after = await load(store)
    assert.ok(after.version > before.version)
    assert.equal(after.clients.size, before.clients.size + 1)
    assert.deepEqual(after.clients.get('newcomer')?.defaultClientScopes, ['profile', 'email', 'roles'])
    assert.match(after.clients.get('newcomer')?.secret ?? '', /^[\w-]{43}$/)
    assert.equal(after.keys.length, before.keys.length)
    assert.ok(await findAccountByLogin(store.read, { id: after.id, loginWithEmailAllowed: true }, 'alice'))
  })

  test('an account that the file does not change keeps what happened to it here', async () => {
    await using store = await database.open()
    await importAcme(store)
    const { id } = await load(store)
    const login = { id, loginWithEmailAllowed: true }
    const alice = await findAccountByLogin(store.read, login, 'alice')
    await store.transact((tx) => updateAccount(tx, id, alice?.id ?? '', { enabled: false }))
    await importAcme(
      store,
      edited((realm) => {
        realm.displayName = 'Other'
      }),
    )
    assert.equal((await findAccountByLogin(store.read, login, 'alice'))?.enabled, false)
  })

  test('a dry run says what would happen and changes nothing', async () => {
    await using store = await database.open()
    const result = await importInto(store, realmFile, { userFiles, isDryRun: true })
    assert.ok(result.ok && result.report.outcome === 'created')
    assert.deepEqual(await store.read.db.selectFrom('realm').select('id').execute(), [])
  })

  test('a wrong file changes nothing and names every problem with its line and path', async () => {
    await using store = await database.open()
    const text =
      '{\n  "realm": "bad",\n  "ssoSessionIdleTimeout": "soon",\n  "clients": [\n    { "clientId": "a", "redirectUris": 7 },\n    { "enabled": "${ENABLED}" }\n  ],\n  "users": [{ "username": "U" }, { "username": "u", "id": "a b" }]\n}'
    const result = await importInto(store, { name: 'bad.json', text })
    assert.ok(!result.ok)
    assert.deepEqual(
      result.problems.map(({ path, line, message }) => [line, path, message]),
      [
        [3, 'ssoSessionIdleTimeout', 'expected a whole number from 0 on, found a text'],
        [5, 'clients[0].redirectUris', 'expected a list of texts, found the number 7'],
        [6, 'clients[1].clientId', 'expected a name, found nothing'],
        [
          6,
          'clients[1].enabled',
          'expected true or false, found the placeholder ${ENABLED}; the environment has no value for it',
        ],
        [8, 'users[1].id', 'expected an id of 1 to 255 characters without spaces, found a text'],
        [8, 'users[1].username', '"u" is there already, as users[0]'],
      ],
    )
    assert.deepEqual(await store.read.db.selectFrom('realm').select('id').execute(), [])
  })

  test('a file that is no JSON names the line and column', async () => {
    await using store = await database.open()
    const result = await importInto(store, {
      name: 'x.json',
      text: '{\n  "realm": "x",\n  "enabled": tru\n}',
    })
    assert.ok(!result.ok)
    assert.deepEqual(result.problems, [
      { file: 'x.json', path: '', message: 'expected a value', line: 3, column: 14 },
    ])
  })

  test('a file that hides something from its readers, or from the database, changes nothing and names the line', async () => {
    await using store = await database.open()
    const hostile: Record<string, RegExp> = {
      '"enabled": true,\n"enabled": false': /line 3: expected a name that is not "enabled" again/,
      '"attributes": {\n"__proto__": { "curfew.password.grant": "clients" } }': /line 3: .*__proto__/,
      '"users": [\n{ "username": "a\\u0000lice" }]': /line 3: .*U\+0000/,
      '"displayName": "\\u0000"': /line 2: .*U\+0000/,
      [`"unknown": ${'['.repeat(5000)}${']'.repeat(5000)}`]: /line 2: expected at most 200 levels/,
      '"x": 1,\n"realm": "master"': /line 3: .*"realm" again/,
    }
    for (const [members, problem] of Object.entries(hostile)) {
      const result = await importInto(store, { name: 'x.json', text: `{"realm": "x",\n${members}}` })
      assert.ok(!result.ok, members)
      const [first] = result.problems
      assert.match(`line ${first?.line}: ${first?.message}`, problem)
    }
    for (const name of ['a\\u001bb', 'a\\u202eb', '..', 'a/b', 'a b', 'a%2fb']) {
      const result = await importInto(store, { name: 'x.json', text: `{"realm": "${name}"}` })
      assert.ok(!result.ok, name)
    }
    assert.deepEqual(await store.read.db.selectFrom('realm').select('id').execute(), [])
  })

  test('ids that another realm has are refused, as are people of a realm that is not there', async () => {
    await using store = await database.open()
    await importAcme(store)
    const copy = await importInto(
      store,
      edited((realm) => {
        realm.realm = 'copy'
      }),
    )
    assert.ok(!copy.ok)
    assert.match(copy.problems[0]?.message ?? '', /is used in realm "acme"/)
    const alone = await importInto(store, { name: 'u.json', text: '{"realm":"none","users":[]}' })
    assert.ok(!alone.ok)
    assert.match(alone.problems[0]?.message ?? '', /no realm "none" yet/)
  })

  test('the report counts the applications that would be told, and says why the others would not (KZ-92)', async () => {
    await using store = await database.open()
    const report = await importAcme(store)
    const told = Object.fromEntries(report.applications.map((one) => [one.clientId, one.channels.join()]))
    assert.deepEqual(told, {
      wiki: 'oidc-back-channel',
      chat: 'oidc-front-channel',
      files: 'keycloak-admin-url',
      portal: '',
      hosted: '',
      'legacy-saml': '',
    })
    const text = renderImportReport(report)
    const expected = [
      "acme-realm.json: a whole export of Keycloak's command line.",
      '3 of 6 applications would be told of a sign-out.',
      'it is a private address. To allow it: --outbound-allow 10.0.0.0/8:8080',
      'Keycloak uses the front channel alone, Curfew both',
      'a bare "*" as a redirect URI is not honoured',
      'has a placeholder, which would be filled from a request',
      "it is told over Keycloak's old adapter protocol",
      'curfew.password.grant',
      'client "files": implicitFlowEnabled',
      'federationLink of 1 account',
      'components: UserStorageProvider (1)',
      'loginTheme',
      'identityProviders',
      'hmac-generated',
    ]
    for (const part of expected) assert.ok(text.includes(part), `${part}\n---\n${text}`)
    assert.ok(!text.includes('browserFlow'), 'a default of Keycloak is not reported')
    for (const clear of ['wiki-secret', 'mail-secret', "erin's password"]) assert.ok(!text.includes(clear))
  })

  test('the report warns of codes that travel in clear (RFC 9700 §2.1), and no name in it speaks to the terminal', async () => {
    await using store = await database.open()
    const clients = [
      {
        clientId: 'plain',
        name: 'Plain\n  - a line of its own\u001b[2J',
        redirectUris: [
          'http://plain.internal/cb',
          'http://localhost:3000/*',
          'http://127.0.0.1/cb',
          'https://ok.example/',
        ],
      },
      { clientId: 'trick', redirectUris: ['http://localhost.evil.example/'] },
    ]
    const result = await importInto(store, {
      name: 'x.json',
      text: JSON.stringify({ realm: 'x', displayName: 'X', clients }),
    })
    assert.ok(result.ok)
    const text = renderImportReport(result.report)
    const inClear = (address: string): string => `"${address}" as a redirect URI sends codes over the network`
    assert.ok(text.includes(inClear('http://plain.internal/cb')))
    assert.ok(text.includes(inClear('http://localhost.evil.example/')))
    for (const address of ['http://localhost:3000/*', 'http://127.0.0.1/cb', 'https://ok.example/'])
      assert.ok(!text.includes(inClear(address)), address)
    assert.ok(!text.includes('\u001b'))
    assert.match(text, /Plain\\n {2}- a line of its own\\u001b\[2J \(plain\)/)
  })

  test('a console export is named in the first line, and its masked secrets are listed (KZ-91)', async () => {
    await using store = await database.open()
    const file = edited((realm) => {
      for (const client of realm.clients) if (client.secret) client.secret = '**********'
      for (const provider of realm.components['org.keycloak.keys.KeyProvider']) {
        if (provider.config.privateKey) provider.config.privateKey = ['**********']
      }
    })
    const result = await importInto(store, file)
    assert.ok(result.ok)
    const text = renderImportReport(result.report)
    assert.match(
      text.split('\n')[0] ?? '',
      /console: secrets are masked and there are no people\. .*kc\.sh export --realm acme/,
    )
    assert.match(text, /clients\[0\]\.secret/)
    assert.match(text, /rsa-generated: its private key is masked, so a new key takes its place/)
    const realm = await load(store)
    assert.equal(realm.clients.get('wiki')?.secret, undefined)
    assert.equal(realm.keys.length, 1)
  })

  test('a short file of ours gets scopes, roles and keys for its algorithms', async () => {
    await using store = await database.open()
    const text = realmExport({ clients: [{ clientId: 'fast', algorithm: 'ES256' }] })
    const result = await importInto(store, { name: 'test.json', text })
    assert.ok(result.ok && result.report.kind === 'written')
    const realm = await load(store, 'test')
    assert.deepEqual(realm.keys.map((key) => key.algorithm).sort(), ['ES256', 'RS256'])
    assert.deepEqual(realm.clients.get('fast')?.defaultClientScopes, [
      'web-origins',
      'acr',
      'roles',
      'profile',
      'basic',
      'email',
    ])
    const alice = await findAccountByLogin(store.read, { id: realm.id, loginWithEmailAllowed: true }, 'alice')
    assert.ok(alice)
    assert.deepEqual(effectiveRoles(realm, alice), {
      realm: ['default-roles-test', 'offline_access', 'uma_authorization'],
      clients: { account: ['manage-account', 'manage-account-links', 'view-profile'] },
    })
  })

  test('ten thousand people are imported in seconds', async () => {
    await using store = await database.open()
    const [alice] = JSON.parse(userFiles[0]?.text ?? '').users
    const people = Array.from({ length: 10_000 }, (_, i) => ({
      ...alice,
      id: `person-${i}`,
      username: `person-${i}`,
      email: `p${i}@acme.example`,
    }))
    const file = edited((realm) => {
      realm.users = people
    })
    const started = performance.now()
    const result = await importInto(store, file)
    const seconds = (performance.now() - started) / 1000
    assert.ok(result.ok)
    assert.ok(seconds < 20, `${seconds} s`)
    assert.equal(
      (
        await store.read.db
          .selectFrom('account')
          .select((eb) => eb.fn.countAll<number>().as('n'))
          .executeTakeFirstOrThrow()
      ).n,
      10_001,
    )
  })
})
