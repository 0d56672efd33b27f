/** Makes the access and ID tokens of the running request, in Keycloak's shape and signed by the realm. */
import Provider, { type KoaContextWithOIDC } from 'oidc-provider'
import { toNumericDate } from '../ambient/clock.ts'
import type { Client } from '../rp/client.ts'
import type { Queryable } from '../store/store.ts'
import type { AccessTokenParts, IdTokenParts } from './engine-internals.ts'
import { findServiceAccount, findWorkAccount } from './find-account.ts'
import { accessTokenSeconds, sessionOf } from './lifetime.ts'
import { requestedClaims } from './requested-claims.ts'
import { signingKeyOf, signJwt } from './sign-jwt.ts'
import { accessTokenPayload, idTokenPayload } from './token-dialect.ts'
import { currentWork, type Payload, type UnitOfWork } from './unit-of-work/unit-of-work.ts'

export async function signAccessToken(on: Queryable, token: AccessTokenParts): Promise<string> {
  const work = currentWork()
  const { realm, startedAt } = work
  const client = clientOf(work, token.clientId)
  const account =
    token.accountId === undefined
      ? await findServiceAccount(on, work, client.uuid)
      : await findWorkAccount(on, work, token.accountId)
  const iat = toNumericDate(startedAt)
  const source = sourceOf(Provider.ctx)
  const payload = accessTokenPayload({
    realm,
    client,
    account,
    scopes: token.scope?.split(' ') ?? [],
    sid: token.sid,
    authTime: source?.authTime,
    acr: source?.acr,
    userinfoClaims: requestedClaims(client, source?.claims?.userinfo),
    engine: { jti: token.jti, iat, exp: iat + token.expiration, cnf: confirmationOf(token) },
  })
  return signJwt(signingKeyOf(realm, client, 'access', startedAt), payload)
}

export async function signIdToken({ clientId, available, extra }: IdTokenParts): Promise<string> {
  const work = currentWork()
  const { realm, startedAt } = work
  const client = clientOf(work, clientId)
  const iat = toNumericDate(startedAt)
  const endsAt = sessionOf(work, sourceOf(Provider.ctx)?.sessionUid)?.endsAt
  const payload = idTokenPayload({ realm, client, available, extra })
  return signJwt(signingKeyOf(realm, client, 'id', startedAt), {
    ...payload,
    exp: iat + accessTokenSeconds(realm, client, endsAt, startedAt),
    iat,
    iss: realm.issuer,
  })
}

interface TokenSource {
  readonly authTime?: number | undefined
  readonly acr?: string | undefined
  readonly sessionUid?: string | undefined
  /** The `claims` parameter of the authorization request. */
  readonly claims?: { readonly userinfo?: unknown } | undefined
}

/** What the tokens come from: the code, the refresh token, or the sign-in of a password grant. */
function sourceOf(ctx: KoaContextWithOIDC | undefined): TokenSource | undefined {
  return ctx?.oidc.entities.AuthorizationCode ?? ctx?.oidc.entities.RefreshToken
}

function clientOf({ realm }: UnitOfWork, clientId: string): Client {
  const client = realm.clients.get(clientId)
  if (!client) throw new TypeError('a token is made for a client of the realm')
  return client
}

function confirmationOf({ jkt, 'x5t#S256': x5t }: AccessTokenParts): Payload | undefined {
  if (jkt === undefined && x5t === undefined) return undefined
  return { ...(jkt === undefined ? {} : { jkt }), ...(x5t === undefined ? {} : { 'x5t#S256': x5t }) }
}
