/** The answer of the token endpoint as Keycloak's clients read it (KK-02), and its errors in Keycloak's words (KK-03). */
import type { KoaContextWithOIDC, RefreshToken } from 'oidc-provider'
import { toNumericDate } from '../ambient/clock.ts'
import type { ServerSecret } from '../key/seal.ts'
import type { RefreshTokenParts } from './engine-internals.ts'
import { refreshTokenExpiresAt, sessionOf } from './lifetime.ts'
import { tokenScope } from './mapper/granted-scope.ts'
import { subjectFor } from './mapper/subject.ts'
import { formatRefreshToken } from './refresh-token-format.ts'
import type { TokenFault } from './token-fault.ts'
import type { Payload, UnitOfWork } from './unit-of-work/unit-of-work.ts'

/** Adds Keycloak's members to a token response that the engine prepared. */
export function completeTokenResponse(secret: ServerSecret, ctx: KoaContextWithOIDC, work: UnitOfWork): void {
  const body = ctx.body as Payload
  const { realm } = work
  const client = realm.clients.get(ctx.oidc.client?.clientId ?? '')
  if (!client) return
  const refreshToken = ctx.oidc.entities.RefreshToken
  const granted = (ctx.oidc.entities.AccessToken ?? ctx.oidc.entities.ClientCredentials)?.scope
  const sid = refreshToken?.sid ?? ctx.oidc.entities.AccessToken?.sid
  // in place: setting it again would make Koa judge the type of the body again
  Object.assign(body, {
    ...refreshMembers(secret, work, body, refreshToken),
    // the account's own not-before is left out: old adapters hold everybody's tokens to this number
    'not-before-policy': Math.max(realm.notBefore, client.notBefore),
    // KC-06: in this answer Keycloak's clients expect an id here
    ...(sid === undefined ? {} : { session_state: sid }),
    scope: tokenScope(realm, client, granted?.split(' ') ?? []),
  })
}

/** A token that is not rotated is wrapped anew, so that the application sees how long it may rest now (KW-25). */
function refreshMembers(
  secret: ServerSecret,
  work: UnitOfWork,
  body: Payload,
  token: RefreshToken | undefined,
): Payload {
  if (body['refresh_token'] === undefined || !token) return { refresh_expires_in: 0 }
  const parts = refreshTokenParts(token)
  return {
    refresh_token: refreshTokenValue(secret, work, parts),
    refresh_expires_in: Math.floor((expiryOf(work, parts) - work.startedAt) / 1000),
  }
}

export function refreshTokenParts(token: RefreshToken): RefreshTokenParts {
  return {
    jti: token.jti,
    clientId: token.clientId as string,
    accountId: token.accountId as string,
    sid: token.sid,
    scope: token.scope,
    sessionUid: token.sessionUid,
    expiresWithSession: token.expiresWithSession === true,
  }
}

export function refreshTokenValue(secret: ServerSecret, work: UnitOfWork, token: RefreshTokenParts): string {
  const { realm, startedAt } = work
  const client = realm.clients.get(token.clientId)
  const requested = token.scope?.split(' ') ?? []
  return formatRefreshToken(secret, realm.id, {
    typ: token.expiresWithSession ? 'Refresh' : 'Offline',
    iss: realm.issuer,
    jti: token.jti,
    azp: token.clientId,
    sub: client ? subjectFor(realm, client, token.accountId) : token.accountId,
    sid: token.sid,
    scope: client ? tokenScope(realm, client, requested) : token.scope,
    iat: toNumericDate(startedAt),
    exp: toNumericDate(expiryOf(work, token)),
  })
}

function expiryOf(work: UnitOfWork, { expiresWithSession, sessionUid }: RefreshTokenParts): number {
  const session = sessionOf(work, sessionUid)
  return refreshTokenExpiresAt(work.realm, { isOffline: !expiresWithSession, session }, work.startedAt)
}

/**
 * What goes out for a refused refresh token. Less than the event says: an attacker learns only that it is not
 * good. python-keycloak signs in again exactly on the first two.
 */
export function refreshErrorDescription(fault: TokenFault): string {
  switch (fault.reason) {
    case 'session_ended':
    case 'session_expired':
      return 'Session not active'
    case 'expired':
    case 'not_before':
      return 'Token is not active'
    case 'account_disabled':
      return 'User disabled'
    case 'not_a_jwt':
    case 'other_issuer':
    case 'unknown_key':
    case 'retired_key':
    case 'signature_invalid':
    case 'wrong_kind':
    case 'other_client':
    case 'client_unknown':
    case 'client_disabled':
    case 'revoked':
    case 'rotated':
    case 'unknown':
    case 'key_not_proven':
      return 'Invalid refresh token'
  }
}
