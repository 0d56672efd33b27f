/** A registration in the engine's words (OpenID Connect Dynamic Client Registration §2). */
import { X509Certificate } from 'node:crypto'
import { type SigningAlgorithm, signingAlgorithms } from '../key/key.ts'
import type { Realm } from '../realm/realm.ts'
import type { Client } from '../rp/client.ts'
import { isPairwise } from './mapper/subject.ts'
import type { Payload } from './unit-of-work/unit-of-work.ts'

/**
 * The engine demands an address in the registration. It never judges one: `redirectUriAllowed` is ours
 * (engine-internals.ts), and an omitted `redirect_uri` is an error.
 */
const unusedRedirectUri = 'https://redirect-uri.invalid/'

/**
 * undefined for a client that may not use this protocol now: the engine then says that there is none.
 * @param usable the algorithms that the realm has a key for
 */
export function engineMetadata(
  realm: Realm,
  client: Client,
  usable: readonly SigningAlgorithm[],
): Payload | undefined {
  if (!client.enabled || client.isDeleted || client.protocol !== 'openid-connect') return undefined
  const grantTypes = grantTypesOf(realm, client)
  const usesCode = grantTypes.includes('authorization_code')
  return {
    client_id: client.clientId,
    ...authenticationOf(client),
    grant_types: grantTypes,
    response_types: usesCode ? ['code'] : [],
    redirect_uris: usesCode ? [unusedRedirectUri] : [],
    subject_type: isPairwise(realm, client) ? 'pairwise' : 'public',
    id_token_signed_response_alg: signingAlgorithmOf(realm, client, usable, 'id'),
    backchannel_logout_session_required: true,
    ...(client.attributes['require.pushed.authorization.requests'] === 'true'
      ? { require_pushed_authorization_requests: true }
      : {}),
    ...(client.attributes['dpop.bound.access.tokens'] === 'true' ? { dpop_bound_access_tokens: true } : {}),
  }
}

function grantTypesOf(realm: Realm, client: Client): readonly string[] {
  if (client.bearerOnly) return []
  const hasPassword = client.directAccessGrantsEnabled && realm.settings.passwordGrant === 'clients'
  const types = [
    ...(client.standardFlowEnabled ? ['authorization_code'] : []),
    ...(client.serviceAccountsEnabled && !client.publicClient ? ['client_credentials'] : []),
    ...(hasPassword ? ['password'] : []),
  ]
  const mayRefresh = (client.standardFlowEnabled || hasPassword) && usesRefreshTokens(client)
  return mayRefresh ? [...types, 'refresh_token'] : types
}

export function usesRefreshTokens(client: Client): boolean {
  return client.attributes['use.refresh.tokens'] !== 'false'
}

/** RFC 6749 §2.3, RFC 7523. `client_secret_basic` stands for both ways to send a secret, as in the engine. */
function authenticationOf(client: Client): Payload {
  if (client.publicClient) return { token_endpoint_auth_method: 'none' }
  const { clientAuthenticatorType: type, secret } = client
  const needsSecret = type === 'client-secret' || type === 'client-secret-jwt'
  if (needsSecret && secret) {
    const method = type === 'client-secret' ? 'client_secret_basic' : 'client_secret_jwt'
    return { token_endpoint_auth_method: method, client_secret: secret }
  }
  // without a secret or with another method nobody can be this client: an empty key set accepts no assertion
  return {
    token_endpoint_auth_method: 'private_key_jwt',
    ...(type === 'client-jwt' ? keysOf(client) : { jwks: { keys: [] } }),
  }
}

function keysOf({ attributes }: Client): Payload {
  const url = attributes['jwks.url']
  if (attributes['use.jwks.url'] === 'true' && url) return { jwks_uri: url }
  const text = attributes['jwks.string']
  const certificate = attributes['jwt.credential.certificate']
  try {
    if (attributes['use.jwks.string'] === 'true' && text) return { jwks: JSON.parse(text) }
    if (certificate) return { jwks: { keys: [certificateKey(certificate)] } }
  } catch {
    // a registration that cannot be read authenticates nobody; the doctor names it
  }
  return { jwks: { keys: [] } }
}

function certificateKey(certificate: string): object {
  const der = Buffer.from(certificate.replaceAll(/-----[^-]+-----|\s/g, ''), 'base64')
  return new X509Certificate(der).publicKey.export({ format: 'jwk' })
}

/** The algorithm that the client asks for where the realm has a key for it, else the realm's default. */
export function signingAlgorithmOf(
  realm: Realm,
  client: Client,
  usable: readonly SigningAlgorithm[],
  token: 'id' | 'access',
): SigningAlgorithm {
  const wanted = [
    client.attributes[`${token}.token.signed.response.alg`],
    realm.settings.defaultSignatureAlgorithm,
    ...signingAlgorithms,
  ]
  return wanted.map((name) => usable.find((algorithm) => algorithm === name)).find(Boolean) ?? 'RS256'
}
