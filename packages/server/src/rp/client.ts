/**
 * A client: the registration of an application (OAuth 2 `client_id`), as the server keeps it in memory.
 * Field names follow Keycloak's ClientRepresentation (keycloak-dialect.md §19.3).
 */

/** A protocol mapper as Keycloak writes it. */
export interface ProtocolMapper {
  readonly id?: string
  readonly name: string
  readonly protocol: string
  /** `oidc-usermodel-attribute-mapper`, `oidc-audience-mapper`, … */
  readonly protocolMapper: string
  readonly config: Readonly<Record<string, string>>
}

export interface Client {
  /** Keycloak's internal id. */
  readonly uuid: string
  readonly realmId: string
  readonly clientId: string
  readonly name: string | undefined
  readonly enabled: boolean
  readonly protocol: 'openid-connect' | 'saml'
  readonly publicClient: boolean
  readonly bearerOnly: boolean
  readonly consentRequired: boolean
  readonly standardFlowEnabled: boolean
  readonly directAccessGrantsEnabled: boolean
  readonly serviceAccountsEnabled: boolean
  readonly frontchannelLogout: boolean
  readonly fullScopeAllowed: boolean
  /** `client-secret`, `client-jwt`, `client-secret-jwt`, `client-x509`. */
  readonly clientAuthenticatorType: string
  /** In clear, in memory only; the row is sealed. */
  readonly secret: string | undefined
  readonly rootUrl: string | undefined
  readonly adminUrl: string | undefined
  readonly baseUrl: string | undefined
  readonly redirectUris: readonly string[]
  readonly webOrigins: readonly string[]
  /** Every attribute as in the export, Curfew's own (`curfew.…`) included. */
  readonly attributes: Readonly<Record<string, string>>
  readonly protocolMappers: readonly ProtocolMapper[]
  readonly defaultClientScopes: readonly string[]
  readonly optionalClientScopes: readonly string[]
  /** NumericDate; 0 is none. */
  readonly notBefore: number
  readonly isDeleted: boolean
  /** The whole representation without the secret: what the admin API and the export give back. */
  readonly representation: Readonly<Record<string, unknown>>
}

/** How an application can be told of a sign-out. */
export type Channel = 'oidc-back-channel' | 'oidc-front-channel' | 'keycloak-admin-url' | 'saml' | 'ssf'

/** What people read: the client's name, or its id. Keycloak's `${client_…}` placeholders count as no name. */
export function applicationName(client: Client | undefined, clientId: string): string {
  const name = client?.name
  return name && !name.includes('${') ? name : clientId
}
