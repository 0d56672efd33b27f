/**
 * What discovery says beside the engine's own document: our endpoints and what we do about signing out
 * (KD-01 to KD-05), and the document's second address (RFC 8414 §3.1, META-01).
 */
import type { FastifyInstance } from 'fastify'
import type { Realm } from '../realm/realm.ts'
import { type EndpointDeps, realmOf } from './endpoint.ts'
import { isSessionFrameOn } from './session-frame/session-state.ts'

/** Handed to the engine's `discovery` option, which adds what is absent and replaces nothing. */
export function discoveryAdditions(
  realm: Pick<Realm, 'issuer' | 'attributes'>,
): Readonly<Record<string, unknown>> {
  const { issuer } = realm
  const base = `${issuer}/protocol/openid-connect`
  const methods = ['client_secret_basic', 'client_secret_post', 'client_secret_jwt', 'private_key_jwt']
  const algorithms = [
    'RS256',
    'RS384',
    'RS512',
    'PS256',
    'PS384',
    'PS512',
    'ES256',
    'ES384',
    'ES512',
    'EdDSA',
    'HS256',
    'HS384',
    'HS512',
  ]
  return {
    end_session_endpoint: `${base}/logout`,
    ...(isSessionFrameOn(realm) ? { check_session_iframe: `${base}/login-status-iframe.html` } : {}),
    userinfo_endpoint: `${base}/userinfo`,
    introspection_endpoint: `${base}/token/introspect`,
    introspection_endpoint_auth_methods_supported: methods,
    introspection_endpoint_auth_signing_alg_values_supported: algorithms,
    revocation_endpoint: `${base}/revoke`,
    revocation_endpoint_auth_methods_supported: [...methods, 'none'],
    revocation_endpoint_auth_signing_alg_values_supported: algorithms,
    frontchannel_logout_supported: true,
    frontchannel_logout_session_supported: true,
    backchannel_logout_supported: true,
    backchannel_logout_session_supported: true,
    authorization_response_iss_parameter_supported: true,
  }
}

/** The engine serves `/realms/{realm}/.well-known/openid-configuration`; here the same document is found as OAuth looks for it. */
export function registerDiscovery(app: FastifyInstance, deps: Pick<EndpointDeps, 'realms'>): void {
  app.get('/.well-known/oauth-authorization-server/realms/:realm', async (request, reply) => {
    const realm = await realmOf(deps, request, reply)
    if (!realm) return reply
    const { host = '' } = request.headers
    const url = `/realms/${encodeURIComponent(realm.name)}/.well-known/openid-configuration`
    const document = await app.inject({ method: 'GET', url, headers: { host } })
    return reply
      .code(document.statusCode)
      .headers({ 'content-type': 'application/json; charset=utf-8', 'access-control-allow-origin': '*' })
      .send(document.payload)
  })
}
