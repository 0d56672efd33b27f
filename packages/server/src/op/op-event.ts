/** The events of the authorization and token endpoints, in Keycloak's words (keycloak-dialect.md §18). */
import type { KoaContextWithOIDC } from 'oidc-provider'
import type { Instant } from '../ambient/clock.ts'
import type { EventType, NewEvent } from '../event/event.ts'
import { explainInvalidToken } from './token-fault.ts'
import type { EngineError, UnitOfWork } from './unit-of-work/unit-of-work.ts'

type TokenEventType = Extract<EventType, 'CODE_TO_TOKEN' | 'REFRESH_TOKEN' | 'CLIENT_LOGIN' | 'LOGIN'>

/** The event of a response that leaves; recorded in its commit. */
export function successEvent(ctx: KoaContextWithOIDC, work: UnitOfWork): NewEvent | undefined {
  const { route } = ctx.oidc
  if (route === 'token') return tokenEvent(ctx, work)
  return ctx.oidc.entities.AuthorizationCode ? loginEvent(ctx, work) : undefined
}

function tokenEvent(ctx: KoaContextWithOIDC, work: UnitOfWork): NewEvent {
  const { entities, client } = ctx.oidc
  const grantType = String(ctx.oidc.params?.['grant_type'])
  const token = entities.AccessToken ?? entities.ClientCredentials
  const refreshToken = entities.RefreshToken
  return {
    type: tokenEventType(grantType),
    realm: work.realm,
    clientId: client?.clientId,
    accountId: entities.AccessToken?.accountId,
    sessionUid: entities.AccessToken?.sessionUid,
    ipAddress: work.source.ipAddress,
    details: {
      ...(token ? { token_id: token.jti } : {}),
      grant_type: grantType,
      ...(refreshToken
        ? { refresh_token_type: refreshToken.expiresWithSession ? 'Refresh' : 'Offline' }
        : {}),
      scope: token?.scope ?? '',
      client_auth_method: authMethodOf(client?.clientAuthMethod),
    },
  }
}

function tokenEventType(grantType: string): TokenEventType {
  switch (grantType) {
    case 'refresh_token':
      return 'REFRESH_TOKEN'
    case 'client_credentials':
      return 'CLIENT_LOGIN'
    case 'password':
      return 'LOGIN'
    default:
      return 'CODE_TO_TOKEN'
  }
}

/** Keycloak's names of the ways in which a client proves itself. */
function authMethodOf(method: string | undefined): string {
  if (method === 'private_key_jwt') return 'client-jwt'
  return method === 'client_secret_jwt' ? 'client-secret-jwt' : 'client-secret'
}

function loginEvent(ctx: KoaContextWithOIDC, work: UnitOfWork): NewEvent {
  const { oidc } = ctx
  return {
    type: 'LOGIN',
    realm: work.realm,
    clientId: oidc.client?.clientId,
    accountId: oidc.session?.accountId,
    sessionUid: oidc.session?.uid,
    ipAddress: work.source.ipAddress,
    details: {
      auth_method: 'openid-connect',
      auth_type: 'code',
      response_type: 'code',
      redirect_uri: String(oidc.params?.['redirect_uri'] ?? ''),
      consent: oidc.result?.consent ? 'consent_granted' : 'no_consent_required',
      response_mode: oidc.responseMode ?? 'query',
    },
  }
}

/** The event of a refused request: Keycloak's word for the error, and the sentence that explains it. */
export function errorEvent(
  ctx: KoaContextWithOIDC,
  work: UnitOfWork,
  of: { readonly accountId: string | undefined; readonly sessionUid: string | undefined },
  at: Instant,
): NewEvent | undefined {
  const error = work.engineError
  if (!error) return undefined
  const isToken = ctx.oidc.route === 'token'
  const grantType = String(ctx.oidc.params?.['grant_type'] ?? ctx.oidc.body?.['grant_type'] ?? '')
  const clientId =
    ctx.oidc.client?.clientId ?? textOf(ctx.oidc.params?.['client_id'] ?? ctx.oidc.body?.['client_id'])
  const redirectUri = textOf(ctx.oidc.params?.['redirect_uri'])
  return {
    type: `${isToken ? tokenEventType(grantType) : 'LOGIN'}_ERROR`,
    realm: work.realm,
    clientId,
    ...of,
    ipAddress: work.source.ipAddress,
    error: errorWord(error, isToken ? grantType : 'login'),
    details: isToken
      ? { grant_type: grantType }
      : {
          auth_method: 'openid-connect',
          ...(redirectUri ? { redirect_uri: redirectUri } : {}),
          ...(work.errorReference ? { reference: work.errorReference } : {}),
        },
    explanation: explain(work, error, clientId ?? 'An application', at),
  }
}

function errorWord({ error, error_detail: detail }: EngineError, grantType: string): string {
  switch (error) {
    case 'invalid_client':
      return detail === 'client not found' ? 'client_not_found' : 'invalid_client_credentials'
    case 'invalid_redirect_uri':
    case 'login_required':
    case 'interaction_required':
    case 'unsupported_response_type':
      return error
    case 'invalid_grant':
      return grantType === 'refresh_token'
        ? 'invalid_token'
        : grantType === 'password'
          ? 'invalid_user_credentials'
          : 'invalid_code'
    case 'unsupported_grant_type':
    case 'unauthorized_client':
      return 'not_allowed'
    case 'access_denied':
      return 'rejected_by_user'
    default:
      return 'invalid_request'
  }
}

function explain(work: UnitOfWork, error: EngineError, clientId: string, at: Instant): string {
  const { name: realmName, issuer } = work.realm
  if (work.tokenFault) {
    return explainInvalidToken(
      work.tokenFault,
      { clientId, expected: 'refresh token', realmName, issuer },
      at,
    )
  }
  const detail = error.error_detail ?? error.error_description ?? error.error
  const known = explanations[detail]
  return known
    ? `${clientId} ${known}`
    : `${clientId} sent a request that was refused: ${detail}. Compare it with the registration of the client in the realm ${realmName}.`
}

/** By the engine's own words, which the contract tests hold. */
const explanations: Readonly<Record<string, string>> = {
  'client not found':
    'is not registered in this realm, or is disabled. Compare client_id and the realm in the address.',
  'invalid secret provided':
    'sent a wrong client secret. Copy the secret of the client anew; it may have been regenerated.',
  'authorization code not found':
    'sent a code that is unknown. It was already exchanged, it expired, or the session ended meanwhile; the application starts the sign-in again.',
  'authorization code already consumed':
    'sent a code a second time. The first answer may have been lost, or the code was copied; every token of this sign-in at this application is revoked.',
  'authorization code is expired':
    'sent a code too late. Codes live about a minute; look for a slow application or a wrong clock.',
  'authorization code redirect_uri mismatch':
    'sent another redirect_uri with the code than with the authorization request. Both must be the same, character by character.',
  'client mismatch':
    'sent a code or token that was issued for another client. Two applications share a session store or a redirect address.',
  'PKCE verification failed':
    'sent a code_verifier that does not fit the code_challenge. The application lost it between the two requests.',
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value.slice(0, 255) : undefined
}
