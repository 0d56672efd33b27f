/** The client scopes that Keycloak gives every new realm, with their mappers. */
import type { Representation } from '../../rp/representation.ts'
import type { ScopeDraft } from './realm-draft.ts'

/** Given to every client that names none. */
export const defaultScopeNames = ['web-origins', 'acr', 'roles', 'profile', 'basic', 'email'] as const
export const optionalScopeNames = ['address', 'phone', 'offline_access', 'microprofile-jwt'] as const

export function builtInScopes(): readonly ScopeDraft[] {
  return [
    scope('profile', 'OpenID Connect built-in scope: profile', true, [
      mapper('full name', 'oidc-full-name-mapper', tokens),
      property('username', 'preferred_username'),
      property('firstName', 'given_name', 'given name'),
      property('lastName', 'family_name', 'family name'),
      ...profileClaims.map(([claim, attribute, type]) =>
        attributeMapper(claim.replace('_', ' '), attribute, claim, type),
      ),
    ]),
    scope('email', 'OpenID Connect built-in scope: email', true, [
      property('email', 'email'),
      mapper('email verified', 'oidc-usermodel-property-mapper', {
        ...tokens,
        'user.attribute': 'emailVerified',
        'claim.name': 'email_verified',
        'jsonType.label': 'boolean',
      }),
    ]),
    scope('address', 'OpenID Connect built-in scope: address', true, [
      mapper('address', 'oidc-address-mapper', { ...tokens, ...addressAttributes }),
    ]),
    scope('phone', 'OpenID Connect built-in scope: phone', true, [
      attributeMapper('phone number', 'phoneNumber', 'phone_number'),
      attributeMapper('phone number verified', 'phoneNumberVerified', 'phone_number_verified', 'boolean'),
    ]),
    scope('roles', 'OpenID Connect scope for add user roles to the access token', false, [
      rolesMapper('realm roles', 'oidc-usermodel-realm-role-mapper', 'realm_access.roles'),
      rolesMapper('client roles', 'oidc-usermodel-client-role-mapper', 'resource_access.${client_id}.roles'),
      mapper('audience resolve', 'oidc-audience-resolve-mapper', onlyAccess),
    ]),
    scope('web-origins', 'OpenID Connect scope for add allowed web origins to the access token', false, [
      mapper('allowed web origins', 'oidc-allowed-origins-mapper', onlyAccess),
    ]),
    scope(
      'acr',
      'OpenID Connect scope for add acr (authentication context class reference) to the token',
      false,
      [mapper('acr loa level', 'oidc-acr-mapper', { 'id.token.claim': 'true', ...onlyAccess })],
    ),
    scope('basic', 'OpenID Connect scope for add all basic claims to the token', false, [
      mapper('sub', 'oidc-sub-mapper', onlyAccess),
      mapper('auth_time', 'oidc-usersessionmodel-note-mapper', {
        'user.session.note': 'AUTH_TIME',
        'claim.name': 'auth_time',
        'jsonType.label': 'long',
        'id.token.claim': 'true',
        ...onlyAccess,
      }),
    ]),
    scope('microprofile-jwt', 'Microprofile - JWT built-in scope', true, [
      property('username', 'upn', 'upn'),
      mapper('groups', 'oidc-usermodel-realm-role-mapper', {
        ...tokens,
        multivalued: 'true',
        'claim.name': 'groups',
        'jsonType.label': 'String',
      }),
    ]),
    offlineAccess(),
  ]
}

/** Claim, attribute and type of the standard claims (OpenID Connect Core 1.0 §5.1). */
const profileClaims: readonly (readonly [claim: string, attribute: string, type?: string])[] = [
  ['middle_name', 'middleName'],
  ['nickname', 'nickname'],
  ['profile', 'profile'],
  ['picture', 'picture'],
  ['website', 'website'],
  ['gender', 'gender'],
  ['birthdate', 'birthdate'],
  ['zoneinfo', 'zoneinfo'],
  ['locale', 'locale'],
  ['updated_at', 'updatedAt', 'long'],
]

const addressAttributes = {
  'user.attribute.street': 'street',
  'user.attribute.locality': 'locality',
  'user.attribute.region': 'region',
  'user.attribute.postal_code': 'postal_code',
  'user.attribute.country': 'country',
  'user.attribute.formatted': 'formatted',
}

const onlyAccess = { 'access.token.claim': 'true', 'introspection.token.claim': 'true' }
const tokens = { 'id.token.claim': 'true', 'userinfo.token.claim': 'true', ...onlyAccess }

function scope(
  name: string,
  description: string,
  isAskedFor: boolean,
  mappers: readonly Representation[],
): ScopeDraft {
  const isInTokenScope = isAskedFor || name === 'microprofile-jwt'
  return {
    id: undefined,
    name,
    representation: {
      description,
      protocol: 'openid-connect',
      attributes: {
        'include.in.token.scope': String(isInTokenScope),
        'display.on.consent.screen': String(isAskedFor && name !== 'microprofile-jwt'),
        ...(isAskedFor && name !== 'microprofile-jwt'
          ? { 'consent.screen.text': `\${${name}ScopeConsentText}` }
          : {}),
      },
      protocolMappers: mappers,
    },
  }
}

function offlineAccess(): ScopeDraft {
  return {
    id: undefined,
    name: 'offline_access',
    representation: {
      description: 'OpenID Connect built-in scope: offline_access',
      protocol: 'openid-connect',
      attributes: {
        'consent.screen.text': '${offlineAccessScopeConsentText}',
        'display.on.consent.screen': 'true',
      },
    },
  }
}

function mapper(
  name: string,
  protocolMapper: string,
  config: Readonly<Record<string, string>>,
): Representation {
  return { name, protocol: 'openid-connect', protocolMapper, consentRequired: false, config }
}

/** From a member of the account that Keycloak's attribute mapper reads as well, such as its e-mail address. */
function property(attribute: string, claim: string, name = attribute, type = 'String'): Representation {
  return mapper(name, 'oidc-usermodel-attribute-mapper', {
    ...tokens,
    'user.attribute': attribute,
    'claim.name': claim,
    'jsonType.label': type,
  })
}

function attributeMapper(name: string, attribute: string, claim: string, type = 'String'): Representation {
  return property(attribute, claim, name, type)
}

function rolesMapper(name: string, protocolMapper: string, claim: string): Representation {
  return mapper(name, protocolMapper, {
    ...onlyAccess,
    multivalued: 'true',
    'user.attribute': 'foo',
    'claim.name': claim,
    'jsonType.label': 'String',
  })
}
