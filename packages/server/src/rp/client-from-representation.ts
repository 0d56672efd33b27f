/** A stored client as the server uses it: Keycloak's representation with Keycloak's defaults (§19.3). */
import type { ClientTable } from '../store/tables.ts'
import type { Client, ProtocolMapper } from './client.ts'
import { flagOf, objectsOf, type Representation, textMapOf, textOf, textsOf } from './representation.ts'

export interface ClientFacts {
  readonly row: Pick<
    ClientTable,
    'id' | 'realm_id' | 'client_id' | 'protocol' | 'enabled' | 'not_before' | 'deleted_at'
  >
  readonly representation: Representation
  /** In clear. */
  readonly secret: string | undefined
  /** Stands for `${authBaseUrl}` and `${authAdminUrl}` in the built-in clients' addresses; no trailing slash. */
  readonly baseUrl: string
}

export function clientFromRepresentation({ row, representation: of, secret, baseUrl }: ClientFacts): Client {
  const isSaml = row.protocol === 'saml'
  const consentRequired = flagOf(of, 'consentRequired', false)
  const address = (name: string): string | undefined =>
    textOf(of, name)?.replace(/\$\{auth(?:Base|Admin)Url\}/g, () => baseUrl)
  return {
    uuid: row.id,
    realmId: row.realm_id,
    clientId: row.client_id,
    name: textOf(of, 'name'),
    enabled: row.enabled === 1,
    protocol: isSaml ? 'saml' : 'openid-connect',
    publicClient: flagOf(of, 'publicClient', false),
    bearerOnly: flagOf(of, 'bearerOnly', false),
    consentRequired,
    standardFlowEnabled: flagOf(of, 'standardFlowEnabled', true),
    directAccessGrantsEnabled: flagOf(of, 'directAccessGrantsEnabled', false),
    serviceAccountsEnabled: flagOf(of, 'serviceAccountsEnabled', false),
    frontchannelLogout: flagOf(of, 'frontchannelLogout', isSaml),
    fullScopeAllowed: flagOf(of, 'fullScopeAllowed', !consentRequired),
    clientAuthenticatorType: textOf(of, 'clientAuthenticatorType') ?? 'client-secret',
    secret,
    rootUrl: address('rootUrl'),
    adminUrl: address('adminUrl'),
    baseUrl: address('baseUrl'),
    redirectUris: textsOf(of, 'redirectUris'),
    webOrigins: textsOf(of, 'webOrigins'),
    attributes: textMapOf(of, 'attributes'),
    protocolMappers: protocolMappersOf(of),
    defaultClientScopes: textsOf(of, 'defaultClientScopes'),
    optionalClientScopes: textsOf(of, 'optionalClientScopes'),
    notBefore: row.not_before,
    isDeleted: row.deleted_at !== null,
    representation: of,
  }
}

/** The mappers of a client or a client scope. */
export function protocolMappersOf(of: Representation): readonly ProtocolMapper[] {
  return objectsOf(of, 'protocolMappers').map((mapper) => {
    const id = textOf(mapper, 'id')
    return {
      ...(id === undefined ? {} : { id }),
      name: textOf(mapper, 'name') ?? '',
      protocol: textOf(mapper, 'protocol') ?? 'openid-connect',
      protocolMapper: textOf(mapper, 'protocolMapper') ?? '',
      config: textMapOf(mapper, 'config'),
    }
  })
}
