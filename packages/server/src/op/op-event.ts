/** The events of the authorization and token endpoints, in Keycloak's words (keycloak-dialect.md §18). */
import type { KoaContextWithOIDC } from 'oidc-provider'
import type { Instant } from '../ambient/clock.ts'
import type { EventType, NewEvent } from '../event/event.ts'
import type { Queryable } from '../store/store.ts'
import { findServiceAccount } from './find-account.ts'
import { tokenScope } from './mapper/granted-scope.ts'
import { isPasswordGrant, passwordGrantOff } from './password-grant.ts'
import { codeFaultOf, isGrantNotAllowed } from './token-error.ts'
import { explainInvalidToken } from './token-fault.ts'
import type { EngineError, UnitOfWork } from './unit-of-work/unit-of-work.ts'

type TokenEventType = Extract<EventType, 'CODE_TO_TOKEN' | 'REFRESH_TOKEN' | 'CLIENT_LOGIN' | 'LOGIN'>

/** The event of a response that leaves; recorded in its commit. The accounts that it names were read for the answer. */
export async function successEvent(
  on: Queryable,
  ctx: KoaContextWithOIDC,
  work: UnitOfWork,
): Promise<NewEvent | undefined> {
  const { route, entities, client, session } = ctx.oidc
  if (route !== 'token') {
    if (!entities.AuthorizationCode) return undefined
    return loginEvent(ctx, work, await usernameOf(work, session?.accountId))
  }
  if (!entities.ClientCredentials) {
    const accountId = entities.AccessToken?.accountId
    const grantType = ctx.oidc.params?.['grant_type']
    const username = grantType === 'password' ? await usernameOf(work, accountId) : undefined
    return tokenEvent(ctx, work, { accountId, username })
  }
  const registered = work.realm.clients.get(client?.clientId ?? '')
  const account = registered && (await findServiceAccount(on, work, registered.uuid))
  return tokenEvent(ctx, work, { accountId: account?.id, username: account?.username })
}

/** As Keycloak writes it into sign-ins; from what the request has read already. */
async function usernameOf(
  { loaded, accounts }: UnitOfWork,
  accountId: string | undefined,
): Promise<string | undefined> {
  if (accountId === undefined) return undefined
  const known = [...loaded.values()].find(({ session }) => session.accountId === accountId)
  return known?.username ?? (await accounts.get(accountId))?.username
}

interface Actor {
  readonly accountId: string | undefined
  readonly username: string | undefined
}

function tokenEvent(ctx: KoaContextWithOIDC, work: UnitOfWork, { accountId, username }: Actor): NewEvent {
  const { entities, client } = ctx.oidc
  const { realm } = work
  const grantType = String(ctx.oidc.params?.['grant_type'])
  const token = entities.AccessToken ?? entities.ClientCredentials
  const refreshToken = entities.RefreshToken
  const registered = realm.clients.get(client?.clientId ?? '')
  const requested = token?.scope?.split(' ') ?? []
  return {
    type: tokenEventType(grantType),
    realm,
    clientId: client?.clientId,
    accountId,
    sessionUid: entities.AccessToken?.sessionUid,
    ipAddress: work.source.ipAddress,
    ...(grantType === 'password' ? { signInMethod: 'password' } : {}),
    details: {
      ...(token ? { token_id: token.jti } : {}),
      grant_type: grantType,
      ...(refreshToken
        ? { refresh_token_type: refreshToken.expiresWithSession ? 'Refresh' : 'Offline' }
        : {}),
      scope: registered ? tokenScope(realm, registered, requested) : '',
      client_auth_method: authMethodOf(client?.clientAuthMethod),
      ...(username === undefined ? {} : { username }),
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

function loginEvent(ctx: KoaContextWithOIDC, work: UnitOfWork, username: string | undefined): NewEvent {
  const { oidc } = ctx
  return {
    type: 'LOGIN',
    realm: work.realm,
    clientId: oidc.client?.clientId,
    accountId: oidc.session?.accountId,
    sessionUid: oidc.session?.uid,
    ipAddress: work.source.ipAddress,
    // the answer to a sign-in page, or a session that was there already
    signInMethod: oidc.result?.login ? 'password' : 'session',
    details: {
      auth_method: 'openid-connect',
      auth_type: 'code',
      response_type: 'code',
      redirect_uri: String(oidc.params?.['redirect_uri'] ?? ''),
      consent: oidc.result?.consent ? 'consent_granted' : 'no_consent_required',
      response_mode: oidc.responseMode ?? 'query',
      ...(username === undefined ? {} : { username }),
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
    error: isClientDisabled(work, error, clientId)
      ? 'client_disabled'
      : errorWord(error, isToken ? grantType : 'login'),
    details: isToken
      ? { grant_type: grantType }
      : {
          auth_method: 'openid-connect',
          ...(redirectUri ? { redirect_uri: redirectUri } : {}),
          ...(work.errorReference ? { reference: work.errorReference } : {}),
        },
    explanation: explanationOf(ctx, work, clientId ?? 'An application', at),
  }
}

/** The engine is not shown a client that may not sign anybody in (client-metadata.ts). */
function isClientDisabled(
  { realm }: UnitOfWork,
  { error_detail: detail }: EngineError,
  clientId: string | undefined,
): boolean {
  return detail === clientNotFound && realm.clients.get(clientId ?? '')?.enabled === false
}

const clientNotFound = 'client not found'

function errorWord(engineError: EngineError, grantType: string): string {
  const { error, error_detail: detail } = engineError
  if (isGrantNotAllowed(engineError))
    return grantType === 'client_credentials' ? 'invalid_client' : 'not_allowed'
  switch (error) {
    case 'invalid_client':
      return detail === clientNotFound ? 'client_not_found' : 'invalid_client_credentials'
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
          : codeFaultOf(engineError).word
    case 'unsupported_grant_type':
    case 'unauthorized_client':
      return 'not_allowed'
    case 'access_denied':
      return 'rejected_by_user'
    default:
      return 'invalid_request'
  }
}

function explanationOf(ctx: KoaContextWithOIDC, work: UnitOfWork, clientId: string, at: Instant): string {
  const error = work.engineError as EngineError
  return error.error === 'unsupported_grant_type' && isPasswordGrant(ctx)
    ? `${clientId} asked for the password grant. ${passwordGrantOff(work.realm)}`
    : explain(work, error, clientId, at)
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
  if (isClientDisabled(work, error, clientId))
    return `${clientId} is disabled in the realm ${realmName}. Enable the client, or remove the application.`
  const known = explanations[detail]
  return known
    ? `${clientId} ${known}`
    : `${clientId} sent a request that was refused: ${detail}. Compare it with the registration of the client in the realm ${realmName}.`
}

/** By the engine's own words, which the contract tests hold. */
const explanations: Readonly<Record<string, string>> = {
  'client not found': 'is not registered in this realm. Compare client_id and the realm in the address.',
  'requested grant type is not allowed for this client':
    'asked for tokens in a way that its registration does not allow. Switch on standard flow, service accounts or direct access grants for the client, or correct the application.',
  "redirect_uri did not match any of the client's registered redirect_uris":
    'asked to be answered at an address that is not registered for it. Add the address to the redirect URIs of the client, or correct the application.',
  'Authorization Server policy requires PKCE to be used for this request':
    'sent no code_challenge. Public clients, and those whose registration says so, must use PKCE with S256.',
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
  'code_verifier does not match code_challenge':
    'sent a code_verifier that does not fit the code_challenge. The application lost it between the two requests.',
  'code_verifier must be provided':
    'sent a code without the code_verifier that belongs to its code_challenge. The application lost it between the two requests.',
  'unsupported code_challenge_method':
    'sent a code_verifier, but no code_challenge with the authorization request. Send both or neither.',
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value.slice(0, 255) : undefined
}
