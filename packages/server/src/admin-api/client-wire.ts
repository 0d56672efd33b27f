/** A client as Keycloak's ClientRepresentation. */
import type { Client } from '../rp/client.ts'

/** With `secret` only for a caller who may change the client: who may read settings must not become the application. */
export function clientWire(client: Client, mayManage: boolean) {
  return {
    ...client.representation,
    id: client.uuid,
    clientId: client.clientId,
    enabled: client.enabled,
    protocol: client.protocol,
    publicClient: client.publicClient,
    bearerOnly: client.bearerOnly,
    standardFlowEnabled: client.standardFlowEnabled,
    directAccessGrantsEnabled: client.directAccessGrantsEnabled,
    serviceAccountsEnabled: client.serviceAccountsEnabled,
    frontchannelLogout: client.frontchannelLogout,
    fullScopeAllowed: client.fullScopeAllowed,
    clientAuthenticatorType: client.clientAuthenticatorType,
    redirectUris: client.redirectUris,
    webOrigins: client.webOrigins,
    attributes: client.attributes,
    defaultClientScopes: client.defaultClientScopes,
    optionalClientScopes: client.optionalClientScopes,
    notBefore: client.notBefore,
    ...(mayManage && client.secret !== undefined ? { secret: client.secret } : {}),
  }
}
