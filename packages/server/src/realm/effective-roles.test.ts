import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { someClient, someGroup, someRealm, someRole } from '../../test/support/realm-in-memory.ts'
import { defaultRole, effectiveRoles } from './effective-roles.ts'

const wiki = someClient({ clientId: 'wiki', uuid: 'u-wiki' })
const narrow = someClient({
  clientId: 'narrow',
  uuid: 'u-narrow',
  fullScopeAllowed: false,
  defaultClientScopes: ['roles', 'offline_access'],
})
const realm = someRealm({
  clients: [wiki, narrow],
  roles: [
    someRole({ id: 'r-user', name: 'user' }),
    someRole({ id: 'r-staff', name: 'staff', composites: ['r-user', 'r-edit'] }),
    someRole({ id: 'r-loop', name: 'loop', composites: ['r-loop', 'r-staff'] }),
    someRole({ id: 'r-offline', name: 'offline_access' }),
    someRole({ id: 'r-edit', name: 'edit', clientUuid: 'u-wiki' }),
    someRole({ id: 'r-own', name: 'own', clientUuid: 'u-narrow' }),
    someRole({ id: 'r-orphan', name: 'orphan', clientUuid: 'u-gone' }),
    someRole({ id: 'r-default', name: 'default-roles-demo' }),
  ],
  groups: [
    someGroup({ id: 'g-top', name: 'top', roleIds: ['r-user'] }),
    someGroup({ id: 'g-sub', name: 'sub', parentId: 'g-top', roleIds: ['r-edit'] }),
  ],
  representation: {
    scopeMappings: [
      { clientScope: 'offline_access', roles: ['offline_access'] },
      { client: 'narrow', roles: ['user'] },
    ],
    clientScopeMappings: {
      wiki: [{ client: 'narrow', roles: ['edit', 'unknown'] }],
      gone: [{ client: 'narrow', roles: ['x'] }],
    },
  },
})
const account = (roleIds: string[], groupIds: string[] = []) => ({ roleIds, groupIds })

describe('effective roles', () => {
  test('a composite brings the roles that it contains, and a cycle of composites ends', () => {
    assert.deepEqual(effectiveRoles(realm, account(['r-loop'])), {
      realm: ['loop', 'staff', 'user'],
      clients: { wiki: ['edit'] },
    })
  })

  test('a group brings its roles and those of its parents', () => {
    assert.deepEqual(effectiveRoles(realm, account([], ['g-sub'])), {
      realm: ['user'],
      clients: { wiki: ['edit'] },
    })
  })

  test('roles of removed clients and unknown ids are left out', () => {
    assert.deepEqual(effectiveRoles(realm, account(['r-orphan', 'nothing'])), { realm: [], clients: {} })
  })

  test('a client with full scope sees every role', () => {
    assert.deepEqual(effectiveRoles(realm, account(['r-staff']), wiki).realm, ['staff', 'user'])
  })

  test('a client without full scope sees its own roles and the mapped ones that the account has', () => {
    const all = account(['r-staff', 'r-own', 'r-offline'])
    assert.deepEqual(effectiveRoles(realm, all, narrow), {
      realm: ['offline_access', 'user'],
      clients: { narrow: ['own'], wiki: ['edit'] },
    })
    assert.deepEqual(effectiveRoles(realm, all, narrow, ['roles']).realm, ['user'])
    assert.deepEqual(effectiveRoles(realm, account([]), narrow), { realm: [], clients: {} })
  })

  test('the default role is found by its name', () => {
    assert.equal(defaultRole(realm)?.id, 'r-default')
  })
})
