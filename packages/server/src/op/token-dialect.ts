/**
 * Tokens in Keycloak's shape (KK-01). The engine decides whether there is one; this file says what stands in it.
 */
import type { Account } from '../account/account.ts'
import type { Realm } from '../realm/realm.ts'
import type { Client } from '../rp/client.ts'
import { acrName } from './mapper/acr-name.ts'
import { tokenScope } from './mapper/granted-scope.ts'
import { claimsFor } from './mapper/mapper.ts'
import { subjectFor } from './mapper/subject.ts'
import { addRequestedClaims, requestedClaims } from './requested-claims.ts'
import type { Payload } from './unit-of-work/unit-of-work.ts'

export interface AccessTokenParts {
  readonly realm: Realm
  readonly client: Client
  /** undefined for a client without an account of its own. */
  readonly account: Account | undefined
  /** As requested and granted, split. */
  readonly scopes: readonly string[]
  readonly sid: string | undefined
  /** Seconds; absent on tokens of the client credentials grant. */
  readonly authTime: number | undefined
  readonly acr: string | undefined
  /** Asked for one by one; userinfo reads them from the token. */
  readonly userinfoClaims: readonly string[]
  /** What the engine put together: `jti`, `iat`, `exp`, `cnf`. */
  readonly engine: Payload
}

/** `iat` is the floor of now (KK-11); the claims by which a token is judged come last, so that no mapper sets them. */
export function accessTokenPayload(parts: AccessTokenParts): Payload {
  const { realm, client, account, scopes, sid, engine } = parts
  const notes = notesOf(parts)
  const claims = account ? claimsFor(realm, client, account, scopes, 'access', notes) : {}
  return {
    ...claims,
    exp: engine['exp'],
    iat: engine['iat'],
    jti: engine['jti'],
    iss: realm.issuer,
    // RFC 9068 §2.2 demands an audience; a token for nobody in particular is for the realm's own endpoints
    aud: claims['aud'] ?? realm.issuer,
    sub: account ? subjectFor(realm, client, account.id) : client.clientId,
    typ: 'Bearer',
    azp: client.clientId,
    ...(sid === undefined ? {} : { sid }),
    scope: tokenScope(realm, client, scopes),
    ...(parts.userinfoClaims.length === 0 ? {} : { userinfo_claims: parts.userinfoClaims }),
    ...(engine['cnf'] === undefined ? {} : { cnf: engine['cnf'] }),
    ...(sid === undefined ? { client_id: client.clientId } : {}),
  }
}

export interface IdTokenClaims {
  readonly realm: Realm
  readonly client: Client
  /** From the account, with `sub`, `acr`, `amr` and `auth_time`. */
  readonly available: Payload
  readonly extra: Payload
}

/** OpenID Connect Core §2; `iss`, `iat` and `exp` are the engine's. */
export function idTokenPayload({ realm, client, available, extra }: IdTokenClaims): Payload {
  const { aud, sub, ...claims } = available
  return {
    ...claims,
    aud: idTokenAudience(client, aud),
    acr: acrName(realm, client, String(claims['acr'] ?? '1')),
    sub: subjectFor(realm, client, String(sub)),
    typ: 'ID',
    azp: client.clientId,
    ...extra,
  }
}

/** The application always; audience mappers with `id.token.claim` add others. */
function idTokenAudience({ clientId }: Client, added: unknown): string | readonly unknown[] {
  const others = [added].flat().filter((one) => one !== undefined && one !== clientId)
  return others.length === 0 ? clientId : [clientId, ...others]
}

/** What the mappers say of the account in an ID token: the claims of the scopes, and those asked for by name. */
export function idTokenClaims(
  of: Pick<AccessTokenParts, 'realm' | 'client' | 'authTime' | 'acr'> & { readonly account: Account },
  scopes: readonly string[],
  wanted?: unknown,
): Payload {
  const notes = notesOf(of)
  const said = claimsFor(of.realm, of.client, of.account, scopes, 'id', notes)
  return addRequestedClaims({ ...of, notes }, requestedClaims(of.client, wanted), said)
}

function notesOf({ authTime, acr }: Pick<AccessTokenParts, 'authTime' | 'acr'>): Record<string, string> {
  return {
    ...(authTime === undefined ? {} : { AUTH_TIME: String(authTime) }),
    ...(acr === undefined ? {} : { acr }),
  }
}
