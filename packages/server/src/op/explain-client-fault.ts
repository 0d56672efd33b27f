/** A refused client authentication in words: Keycloak's for the event, and the sentence that explains it. */
import type { ClientFault } from './authenticate-client.ts'
import type { AssertionFault } from './verify-client-assertion.ts'

/** Keycloak's word for the event (KE-17). */
export function clientErrorWord(
  fault: ClientFault,
): 'invalid_client' | 'invalid_client_credentials' | 'client_not_found' | 'client_disabled' {
  switch (fault.reason) {
    case 'client_id_missing':
      return 'invalid_client'
    case 'client_unknown':
      return 'client_not_found'
    case 'client_disabled':
      return 'client_disabled'
    case 'credentials_missing':
    case 'credentials_wrong':
    case 'credentials_differ':
    case 'method_not_registered':
    case 'assertion_refused':
      return 'invalid_client_credentials'
  }
}

/** The sentence of the event: what the application sent and what to change. */
export function explainClientFault(fault: ClientFault, realmName: string): string {
  switch (fault.reason) {
    case 'client_id_missing':
      return 'The request names no client. Send client_id in the body, or the credentials in an Authorization header.'
    case 'client_unknown':
      return `The realm ${realmName} has no client of this name. The application is configured for another realm, or was removed.`
    case 'client_disabled':
      return `${fault.clientId} is disabled in the realm ${realmName}. Enable the client, or remove the application.`
    case 'credentials_missing':
      return `${fault.clientId} is a confidential client and sent no credentials. Configure its secret or key in the application.`
    case 'credentials_wrong':
      return `${fault.clientId} sent a wrong client secret. Usually the secret was regenerated and the application still has the old one.`
    case 'credentials_differ':
      return `${fault.clientId} sent credentials twice and they differ. Configure the application to send them one way only.`
    case 'method_not_registered':
      return `${fault.clientId} is registered for ${fault.registered} and authenticated in another way. Change the registration or the application.`
    case 'assertion_refused':
      return explainAssertionFault(fault.clientId, fault.fault)
  }
}

function explainAssertionFault(clientId: string, fault: AssertionFault): string {
  switch (fault) {
    case 'malformed':
      return `${clientId} sent a client_assertion that is not a signed JWT with iss, sub, aud, exp and jti.`
    case 'keys_unavailable':
      return `The keys of ${clientId} could not be read: register jwks.string, jwks.url or a certificate and see that the address answers, or give a client_secret_jwt client a secret of 32 characters or more.`
    case 'signature_invalid':
      return `${clientId} sent a client_assertion that none of its registered keys signed. The key was changed at one side only.`
    case 'claims_invalid':
      return `${clientId} sent a client_assertion whose iss, sub, aud or times do not fit: iss and sub are the client, aud is this realm, exp at most an hour ahead. Compare the clocks of both machines.`
    case 'replayed':
      return `${clientId} sent a client_assertion that was used before. Make a new one, with a new jti, for every request.`
  }
}
