/**
 * Keycloak's client scopes as every new realm of it has them. A realm that was imported with client scopes uses
 * its own; these fill in for realms whose file has none, as Keycloak does on import.
 */
import type { ClientScope } from '../../realm/realm.ts'
import type { ProtocolMapper } from '../../rp/client.ts'
import { clientIdPlaceholder } from './mapper-kind.ts'

/** Scopes of a client that names none, in a realm without any. */
export const builtInDefaultScopes = ['basic', 'web-origins', 'acr', 'profile', 'roles', 'email'] as const
export const builtInOptionalScopes = ['address', 'phone', 'offline_access', 'microprofile-jwt'] as const

const everywhere = { 'id.token.claim': 'true', 'access.token.claim': 'true', 'userinfo.token.claim': 'true' }
const accessOnly = { 'access.token.claim': 'true', 'introspection.token.claim': 'true' }

function mapper(name: string, protocolMapper: string, config: ProtocolMapper['config']): ProtocolMapper {
  return { name, protocol: 'openid-connect', protocolMapper, config }
}

function attribute(name: string, userAttribute: string, claim: string, type = 'String'): ProtocolMapper {
  const config = {
    ...everywhere,
    'user.attribute': userAttribute,
    'claim.name': claim,
    'jsonType.label': type,
  }
  return mapper(name, 'oidc-usermodel-attribute-mapper', config)
}

function scope(
  name: string,
  isInTokenScope: boolean,
  protocolMappers: readonly ProtocolMapper[],
): ClientScope {
  const attributes = { 'include.in.token.scope': String(isInTokenScope) }
  return { id: `built-in/${name}`, name, protocol: 'openid-connect', attributes, protocolMappers }
}

const profile = [
  mapper('full name', 'oidc-full-name-mapper', everywhere),
  attribute('username', 'username', 'preferred_username'),
  attribute('given name', 'firstName', 'given_name'),
  attribute('family name', 'lastName', 'family_name'),
  attribute('middle name', 'middleName', 'middle_name'),
  attribute('nickname', 'nickname', 'nickname'),
  attribute('profile', 'profile', 'profile'),
  attribute('picture', 'picture', 'picture'),
  attribute('website', 'website', 'website'),
  attribute('gender', 'gender', 'gender'),
  attribute('birthdate', 'birthdate', 'birthdate'),
  attribute('zoneinfo', 'zoneinfo', 'zoneinfo'),
  attribute('locale', 'locale', 'locale'),
  attribute('updated at', 'updatedAt', 'updated_at', 'long'),
]

const emailVerified = mapper('email verified', 'oidc-usermodel-property-mapper', {
  ...everywhere,
  'user.attribute': 'emailVerified',
  'claim.name': 'email_verified',
  'jsonType.label': 'boolean',
})

const roles = [
  mapper('realm roles', 'oidc-usermodel-realm-role-mapper', {
    ...accessOnly,
    'claim.name': 'realm_access.roles',
    'jsonType.label': 'String',
    multivalued: 'true',
  }),
  mapper('client roles', 'oidc-usermodel-client-role-mapper', {
    ...accessOnly,
    'claim.name': `resource_access.${clientIdPlaceholder}.roles`,
    'jsonType.label': 'String',
    multivalued: 'true',
  }),
  mapper('audience resolve', 'oidc-audience-resolve-mapper', accessOnly),
]

const basic = [
  mapper('sub', 'oidc-sub-mapper', accessOnly),
  mapper('auth_time', 'oidc-usersessionmodel-note-mapper', {
    ...accessOnly,
    'id.token.claim': 'true',
    'user.session.note': 'AUTH_TIME',
    'claim.name': 'auth_time',
    'jsonType.label': 'long',
  }),
]

const microprofile = [
  attribute('upn', 'username', 'upn'),
  mapper('groups', 'oidc-usermodel-realm-role-mapper', {
    ...accessOnly,
    'id.token.claim': 'true',
    'claim.name': 'groups',
    'jsonType.label': 'String',
    multivalued: 'true',
  }),
]

const phone = [
  attribute('phone number', 'phoneNumber', 'phone_number'),
  attribute('phone number verified', 'phoneNumberVerified', 'phone_number_verified', 'boolean'),
]

export const builtInScopes: ReadonlyMap<string, ClientScope> = new Map(
  [
    scope('basic', false, basic),
    scope('web-origins', false, [mapper('allowed web origins', 'oidc-allowed-origins-mapper', accessOnly)]),
    scope('acr', false, [
      mapper('acr loa level', 'oidc-acr-mapper', { ...accessOnly, 'id.token.claim': 'true' }),
    ]),
    scope('profile', true, profile),
    scope('email', true, [attribute('email', 'email', 'email'), emailVerified]),
    scope('roles', false, roles),
    scope('address', true, [mapper('address', 'oidc-address-mapper', everywhere)]),
    scope('phone', true, phone),
    scope('offline_access', true, []),
    scope('microprofile-jwt', true, microprofile),
  ].map((item) => [item.name, item]),
)
