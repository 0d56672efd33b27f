import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import {
  someAccount,
  someClient,
  someGroup,
  someMapper,
  someRealm,
  someRole,
} from '../../../test/support/realm-in-memory.ts'
import type { Account } from '../../account/account.ts'
import type { Realm } from '../../realm/realm.ts'
import type { ProtocolMapper } from '../../rp/client.ts'
import { claimPlan } from './claim-plan.ts'
import { tokenScope } from './granted-scope.ts'
import { claimsFor } from './mapper.ts'
import { subjectFor } from './subject.ts'

const everywhere = { 'id.token.claim': 'true', 'access.token.claim': 'true', 'userinfo.token.claim': 'true' }

/** The claims of one mapper alone, in a realm that has scopes so that the built-in ones stay away. */
function claimsOf(
  mapper: ProtocolMapper | readonly ProtocolMapper[],
  account: Partial<Account> = {},
  realm: Parameters<typeof someRealm>[0] = {},
): Record<string, unknown> {
  const client = someClient({
    clientId: 'wiki',
    protocolMappers: [mapper].flat() as readonly ProtocolMapper[],
  })
  const scopes = [
    { id: 's', name: 'unused', protocol: 'openid-connect', attributes: {}, protocolMappers: [] },
  ]
  const whole = someRealm({ scopes, ...realm, clients: [client, ...(realm.clients ?? [])] })
  return claimsFor(whole, client, someAccount(account), ['openid'], 'access', { AUTH_TIME: '1700000000' })
}

describe('the client scopes of a realm that has none of its own', () => {
  const client = someClient({
    clientId: 'wiki',
    webOrigins: ['+'],
    redirectUris: ['https://wiki.example/cb'],
  })
  const realm = someRealm({
    clients: [client, someClient({ clientId: 'chat' })],
    roles: [
      someRole({ name: 'editor', id: 'r-editor' }),
      someRole({ name: 'reader', id: 'r-reader', clientUuid: 'uuid-chat' }),
      someRole({ name: 'writer', id: 'r-writer', clientUuid: 'uuid-wiki' }),
    ],
  })
  const account = someAccount({ roleIds: ['r-editor', 'r-reader', 'r-writer'] })

  test('an access token carries the roles, origins and audience of KK-01', () => {
    const claims = claimsFor(realm, client, account, ['openid'], 'access', { AUTH_TIME: '1700000000' })
    assert.deepEqual(claims['realm_access'], { roles: ['editor'] })
    assert.deepEqual(claims['resource_access'], { chat: { roles: ['reader'] }, wiki: { roles: ['writer'] } })
    assert.deepEqual(claims['allowed-origins'], ['https://wiki.example'])
    assert.equal(claims['aud'], 'chat')
    assert.equal(claims['acr'], '1')
    assert.equal(claims['auth_time'], 1_700_000_000)
  })

  test('userinfo carries profile and email, with email_verified, and no roles (KK-65)', () => {
    assert.deepEqual(claimsFor(realm, client, account, ['openid'], 'userinfo'), {
      name: 'Alice Ames',
      preferred_username: 'alice',
      given_name: 'Alice',
      family_name: 'Ames',
      email: 'alice@example.org',
      email_verified: true,
    })
  })

  test('an optional scope applies only when it is asked for', () => {
    const withPhone = someAccount({
      attributes: { phoneNumber: ['+49 30 1'], phoneNumberVerified: ['true'] },
    })
    assert.equal(claimsFor(realm, client, withPhone, ['openid'], 'userinfo')['phone_number'], undefined)
    const claims = claimsFor(realm, client, withPhone, ['openid', 'phone'], 'userinfo')
    assert.equal(claims['phone_number'], '+49 30 1')
    assert.equal(claims['phone_number_verified'], true)
  })

  test('the scope of a token names granted scopes unless they keep their name to themselves', () => {
    assert.equal(tokenScope(realm, client, ['openid', 'phone', 'invented']), 'openid profile email phone')
    assert.equal(tokenScope(realm, client, []), 'profile email')
  })

  test('userinfo in such a realm needs no query for roles or groups', () => {
    assert.deepEqual(claimPlan(realm, client, ['openid']).reads.userinfo, { roles: false, groups: false })
    assert.equal(claimPlan(realm, client, ['openid']).hasIntrospectionOnly, false)
  })
})

describe('values', () => {
  const attribute = (config: Record<string, string>): ProtocolMapper =>
    someMapper('oidc-usermodel-attribute-mapper', {
      ...everywhere,
      'user.attribute': 'a',
      'claim.name': 'c',
      ...config,
    })

  for (const [type, text, value] of [
    ['String', '7', '7'],
    ['int', '7', 7],
    ['long', '1700000000000', 1_700_000_000_000],
    ['boolean', 'TRUE', true],
    ['boolean', 'no', false],
    ['JSON', '{"x":[1]}', { x: [1] }],
    ['int', 'seven', undefined],
    ['long', '99999999999999999999', undefined],
    ['JSON', '{', undefined],
  ] as const) {
    test(`"${text}" as ${type} is ${JSON.stringify(value) ?? 'left out'}`, () => {
      const claims = claimsOf(attribute({ 'jsonType.label': type }), { attributes: { a: [text] } })
      assert.deepEqual(claims, value === undefined ? {} : { c: value })
    })
  }

  test('a multivalued attribute is a list, also with one value; otherwise the first value counts', () => {
    const account = { attributes: { a: ['1', '2'] } }
    assert.deepEqual(claimsOf(attribute({ multivalued: 'true', 'jsonType.label': 'int' }), account), {
      c: [1, 2],
    })
    assert.deepEqual(claimsOf(attribute({}), account), { c: '1' })
    assert.deepEqual(claimsOf(attribute({ multivalued: 'true' }), { attributes: { a: ['1'] } }), { c: ['1'] })
  })

  test('dots nest, an escaped dot stays in the name', () => {
    const nested = claimsOf(attribute({ 'claim.name': 'one.two.https://x\\.example/y' }), {
      attributes: { a: ['v'] },
    })
    assert.deepEqual(nested, { one: { two: { 'https://x.example/y': 'v' } } })
  })

  test('two mappers write beside each other below one name', () => {
    const account = { attributes: { a: ['v'] } }
    const mappers = [attribute({ 'claim.name': 'x.one' }), attribute({ 'claim.name': 'x.two' })]
    assert.deepEqual(claimsOf(mappers, account), { x: { one: 'v', two: 'v' } })
  })

  for (const name of [
    'sid',
    'azp',
    'sub',
    'iss',
    'exp',
    'jti',
    'typ',
    'scope',
    '__proto__.polluted',
    'a.__proto__',
    '',
  ]) {
    test(`no mapper writes "${name}": the server judges tokens by it`, () => {
      const claims = claimsOf(attribute({ 'claim.name': name }), { attributes: { a: ['forged'] } })
      assert.deepEqual(claims, {})
      assert.equal(({} as Record<string, unknown>)['polluted'], undefined)
    })
  }

  test('an attribute named as a member of every object is not found', () => {
    assert.deepEqual(claimsOf(attribute({ 'user.attribute': 'constructor' })), {})
  })
})

describe('the account', () => {
  const groups = [
    someGroup({ name: 'staff', attributes: { room: ['1', '2'] } }),
    someGroup({ name: 'red', parentId: 'group-staff', path: '/staff/red' }),
  ]

  test('a missing attribute is inherited from the nearest group, or gathered from all', () => {
    const config = { ...everywhere, 'user.attribute': 'room', 'claim.name': 'room', multivalued: 'true' }
    const nearest = someMapper('oidc-usermodel-attribute-mapper', config)
    const all = someMapper('oidc-usermodel-attribute-mapper', { ...config, 'aggregate.attrs': 'true' })
    const account = { groupIds: ['group-red'] }
    assert.deepEqual(claimsOf(nearest, account, { groups }), { room: ['1', '2'] })
    const own = { ...account, attributes: { room: ['9'] } }
    assert.deepEqual(claimsOf(nearest, own, { groups }), { room: ['9'] })
    assert.deepEqual(claimsOf(all, own, { groups }), { room: ['9', '1', '2'] })
  })

  test('properties, groups, full name, address and session notes', () => {
    const mappers = [
      someMapper('oidc-usermodel-property-mapper', {
        ...everywhere,
        'user.attribute': 'emailVerified',
        'claim.name': 'email_verified',
        'jsonType.label': 'boolean',
      }),
      someMapper('oidc-group-membership-mapper', {
        ...everywhere,
        'claim.name': 'groups',
        'full.path': 'true',
      }),
      someMapper('oidc-full-name-mapper', everywhere),
      someMapper('oidc-address-mapper', { ...everywhere, 'user.attribute.street': 'road' }),
      someMapper('oidc-usersessionmodel-note-mapper', {
        ...everywhere,
        'user.session.note': 'AUTH_TIME',
        'claim.name': 'auth_time',
        'jsonType.label': 'long',
      }),
      someMapper('oidc-hardcoded-claim-mapper', {
        ...everywhere,
        'claim.name': 'tier',
        'claim.value': 'gold',
      }),
    ]
    const account = {
      groupIds: ['group-red'],
      lastName: undefined,
      attributes: { road: ['Main St 1'], country: ['FR'] },
    }
    assert.deepEqual(claimsOf(mappers, account, { groups }), {
      email_verified: true,
      groups: ['/staff/red'],
      name: 'Alice',
      address: { street_address: 'Main St 1', country: 'FR' },
      auth_time: 1_700_000_000,
      tier: 'gold',
    })
  })
})

describe('roles', () => {
  const chat = someClient({ clientId: 'chat.example' })
  const roles = [
    someRole({ name: 'admin', id: 'admin', composites: ['inner'] }),
    someRole({ name: 'inner', id: 'inner', composites: ['admin'] }),
    someRole({ name: 'reader', id: 'reader', clientUuid: chat.uuid }),
    someRole({ name: 'writer', id: 'writer', clientUuid: 'uuid-wiki' }),
  ]
  const realmRoles = someMapper('oidc-usermodel-realm-role-mapper', { ...everywhere, 'claim.name': 'roles' })
  const clientRoles = someMapper('oidc-usermodel-client-role-mapper', {
    ...everywhere,
    'claim.name': 'resource_access.${client_id}.roles',
  })

  test('composite roles are opened, in circles too, and group roles count with those of the parents', () => {
    const groups = [
      someGroup({ name: 'staff', roleIds: ['admin'] }),
      someGroup({ name: 'red', parentId: 'group-staff' }),
    ]
    const claims = claimsOf(realmRoles, { groupIds: ['group-red'] }, { roles, groups })
    assert.deepEqual(claims, { roles: ['admin', 'inner'] })
  })

  test('a client id with a dot stays one name', () => {
    const claims = claimsOf(clientRoles, { roleIds: ['reader'] }, { roles, clients: [chat] })
    assert.deepEqual(claims, { resource_access: { 'chat.example': { roles: ['reader'] } } })
  })

  test('several role mappers of one claim add up', () => {
    const prefixed = someMapper('oidc-usermodel-client-role-mapper', {
      ...everywhere,
      'claim.name': 'roles',
      'usermodel.clientRoleMapping.clientId': 'chat.example',
      'usermodel.clientRoleMapping.rolePrefix': 'chat:',
    })
    const account = { roleIds: ['inner', 'reader', 'writer'] }
    const claims = claimsOf([realmRoles, prefixed], account, { roles, clients: [chat] })
    assert.deepEqual(claims, { roles: ['admin', 'inner', 'chat:reader'] })
  })

  test('roles are renamed and added before audiences and role claims are made, whatever the order of mappers', () => {
    const mappers = [
      clientRoles,
      realmRoles,
      someMapper('oidc-audience-resolve-mapper'),
      someMapper('oidc-hardcoded-role-mapper', { role: 'chat.example.reader' }),
      someMapper('oidc-role-name-mapper', { role: 'inner', 'new.role.name': 'user' }),
      someMapper('oidc-audience-mapper', {
        ...everywhere,
        'included.custom.audience': 'https://api.example',
      }),
    ]
    assert.deepEqual(
      claimsOf(mappers, { roleIds: ['inner'] }, { roles: [roles[1] as never], clients: [chat] }),
      {
        roles: ['user'],
        resource_access: { 'chat.example': { roles: ['reader'] } },
        aud: ['chat.example', 'https://api.example'],
      },
    )
  })

  test('without the full scope a client sees its own roles and what is mapped to it', () => {
    const client = someClient({
      clientId: 'wiki',
      fullScopeAllowed: false,
      protocolMappers: [realmRoles, clientRoles],
    })
    const realm = someRealm({
      roles,
      clients: [client, chat],
      representation: { scopeMappings: [{ client: 'wiki', roles: ['inner'] }] },
    })
    const account = someAccount({ roleIds: ['inner', 'reader', 'writer'] })
    const claims = claimsFor(realm, client, account, [], 'id')
    assert.deepEqual(claims['roles'], ['admin', 'inner'])
    assert.deepEqual(claims['resource_access'], { wiki: { roles: ['writer'] } })
  })

  test('a client scope with role mappings is only for accounts that have one of the roles', () => {
    const scope = {
      id: 's1',
      name: 'staff',
      protocol: 'openid-connect',
      attributes: {},
      protocolMappers: [
        someMapper('oidc-hardcoded-claim-mapper', {
          ...everywhere,
          'claim.name': 'staff',
          'claim.value': 'yes',
        }),
      ],
    }
    const client = someClient({ clientId: 'wiki', defaultClientScopes: ['staff'] })
    const realm: Realm = someRealm({
      roles,
      clients: [client],
      scopes: [scope],
      representation: { scopeMappings: [{ clientScope: 'staff', roles: ['admin'] }] },
    })
    assert.deepEqual(claimsFor(realm, client, someAccount(), [], 'id'), {})
    assert.deepEqual(claimsFor(realm, client, someAccount({ roleIds: ['admin'] }), [], 'id'), {
      staff: 'yes',
    })
    assert.deepEqual(claimPlan(realm, client, []).reads.id, { roles: true, groups: true })
  })
})

describe('targets', () => {
  const named = (flags: Record<string, string>): ProtocolMapper =>
    someMapper('oidc-hardcoded-claim-mapper', { 'claim.name': 'c', 'claim.value': 'v', ...flags })

  test('a mapper writes into the targets of its flags; userinfo follows the ID token where the flag is absent', () => {
    const client = someClient({ clientId: 'wiki', protocolMappers: [named({ 'id.token.claim': 'true' })] })
    const realm = someRealm({ clients: [client] })
    const value = (target: 'id' | 'access' | 'userinfo' | 'introspection'): unknown =>
      claimsFor(realm, client, someAccount(), [], target)['c']
    assert.deepEqual(
      [value('id'), value('access'), value('userinfo'), value('introspection')],
      ['v', undefined, 'v', undefined],
    )
  })

  test('a claim for introspection alone is noticed, so that introspection reads the account', () => {
    const protocolMappers = [named({ 'introspection.token.claim': 'true', 'access.token.claim': 'false' })]
    const client = someClient({ clientId: 'wiki', protocolMappers })
    assert.equal(claimPlan(someRealm({ clients: [client] }), client, []).hasIntrospectionOnly, true)
  })

  test('an unknown kind of mapper writes nothing', () => {
    assert.deepEqual(claimsOf(someMapper('oidc-script-based-protocol-mapper', everywhere)), {})
  })
})

describe('sub', () => {
  const pairwise = someMapper('oidc-sha256-pairwise-sub-mapper', { pairwiseSubAlgorithmSalt: 'salt' })

  test('is the account without a pairwise mapper', () => {
    assert.equal(subjectFor(someRealm(), someClient({ clientId: 'wiki' }), 'account-1'), 'account-1')
  })

  test('is a version 3 UUID of sector, account and salt with one, as Keycloak computes it', () => {
    const client = (redirectUris: readonly string[]) =>
      someClient({ clientId: 'wiki', protocolMappers: [pairwise], redirectUris })
    const sub = subjectFor(someRealm(), client(['https://wiki.example/cb']), 'account-1')
    assert.match(sub, /^[0-9a-f]{8}-[0-9a-f]{4}-3[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
    assert.equal(subjectFor(someRealm(), client(['https://wiki.example/other']), 'account-1'), sub)
    assert.notEqual(subjectFor(someRealm(), client(['https://chat.example/cb']), 'account-1'), sub)
    assert.notEqual(subjectFor(someRealm(), client(['https://wiki.example/cb']), 'account-2'), sub)
  })
})
