/**
 * The password grant, for scripts that a Keycloak made used to it (SR-24). Off unless the realm and the client
 * say otherwise; the session that it begins is a session like any other, with the same limits against guessing.
 * @see RFC 6749 §4.3; RFC 9700 §2.4 forbids it
 */
import { errors, type KoaContextWithOIDC, type Provider } from 'oidc-provider'
import type { Account } from '../account/account.ts'
import { toNumericDate } from '../ambient/clock.ts'
import { type Random, randomId } from '../ambient/random.ts'
import { masterRealmName } from '../realm/import/built-in-objects.ts'
import type { Realm } from '../realm/realm.ts'
import type { Client } from '../rp/client.ts'
import { usesRefreshTokens } from './client-metadata.ts'
import { newDerivedGrantId } from './derived-grant.ts'
import { realmResource, realmResourceServer } from './realm-resource.ts'
import { idTokenClaims } from './token-dialect.ts'
import { currentWork, type RequestSource } from './unit-of-work/unit-of-work.ts'

export interface PasswordGrantDeps {
  readonly random: Random
  readonly verifyCredentials: VerifyCredentials
}

/** The sign-in page's own judgement of a login and a password, limits against guessing included. */
export type VerifyCredentials = (
  realm: Realm,
  login: string,
  password: string,
  source: RequestSource,
) => Promise<
  { readonly ok: true; readonly account: Account } | { readonly ok: false; readonly reason: string }
>

const passwordRefused = 'password refused'

export function isPasswordRefused(error: { readonly error_detail?: string | undefined }): boolean {
  return error.error_detail === passwordRefused
}

/** Of a request, also of one that was refused before its parameters were read. */
export function isPasswordGrant(ctx: KoaContextWithOIDC): boolean {
  return (ctx.oidc.params?.['grant_type'] ?? ctx.oidc.body?.['grant_type']) === 'password'
}

/** What opens it, and the better way (SR-24). */
export function passwordGrantOff(realm: Pick<Realm, 'name'>): string {
  return realm.name === masterRealmName
    ? 'The password grant is switched off. Start the server with --master-password-grant to open it to admin-cli, or use client credentials.'
    : 'The password grant is switched off in this realm. Set its attribute curfew.password.grant to clients to open it, or use client credentials.'
}

export function registerPasswordGrant(deps: PasswordGrantDeps, provider: Provider, realm: Realm): void {
  if (realm.settings.passwordGrant !== 'clients') return
  provider.registerGrantType(
    'password',
    (ctx) => grantByPassword(deps, ctx as unknown as KoaContextWithOIDC),
    ['username', 'password', 'scope'],
  )
}

async function grantByPassword(deps: PasswordGrantDeps, ctx: KoaContextWithOIDC): Promise<void> {
  const { username, password, scope } = ctx.oidc.params ?? {}
  const { realm, source } = currentWork()
  const client = realm.clients.get(ctx.oidc.client?.clientId ?? '')
  if (!client) throw new errors.InvalidClient()
  if (typeof username !== 'string' || typeof password !== 'string') {
    throw new errors.InvalidRequest('missing required parameters username and password')
  }
  const verified = await deps.verifyCredentials(realm, username, password, source)
  if (!verified.ok) throw new errors.InvalidGrant(passwordRefused)
  const session = beginSession(deps, client, verified.account.id)
  await issueTokens(ctx, { client, account: verified.account, session, scope: String(scope ?? '') })
}

interface BegunSession {
  readonly uid: string
  readonly sid: string
  readonly grantId: string
  readonly authTime: number
}

/** As after the sign-in page, without a browser: nobody ever learns the cookie's value. */
function beginSession({ random }: PasswordGrantDeps, { clientId }: Client, accountId: string): BegunSession {
  const work = currentWork()
  const authTime = toNumericDate(work.startedAt)
  const uid = randomId(random)
  const sid = randomId(random)
  const grantId = newDerivedGrantId(random)
  const authorizations = { [clientId]: { sid, grantId } }
  work.savedSession = {
    cookieValue: randomId(random, '', 256),
    payload: { uid, accountId, loginTs: authTime, acr: '1', transient: true, authorizations },
  }
  return { uid, sid, grantId, authTime }
}

interface Issuing {
  readonly client: Client
  readonly account: Account
  readonly session: BegunSession
  readonly scope: string
}

async function issueTokens(ctx: KoaContextWithOIDC, of: Issuing): Promise<void> {
  const { provider, client } = ctx.oidc
  const { session, account, scope } = of
  const source = {
    client,
    accountId: account.id,
    grantId: session.grantId,
    sessionUid: session.uid,
    sid: session.sid,
    expiresWithSession: true,
    gty: 'password',
    scope,
  }
  const accessToken = new provider.AccessToken(source as never)
  accessToken.resourceServer = new provider.ResourceServer(
    realmResource,
    realmResourceServer(currentWork().realm) as never,
  )
  ctx.oidc.entity('AccessToken', accessToken)
  const tokens: Record<string, unknown> = {
    access_token: await accessToken.save(),
    expires_in: accessToken.expiration,
    token_type: 'Bearer',
  }
  if (usesRefreshTokens(of.client)) {
    const { authTime } = session
    const parts = { ...source, authTime, acr: '1', resource: realmResource, rotations: 0 }
    const refreshToken = new provider.RefreshToken(parts as never)
    ctx.oidc.entity('RefreshToken', refreshToken)
    tokens['refresh_token'] = await refreshToken.save()
  }
  if (scope.split(' ').includes('openid')) tokens['id_token'] = await idToken(ctx, of)
  ctx.body = tokens
}

function idToken(ctx: KoaContextWithOIDC, { client, account, session, scope }: Issuing): Promise<string> {
  const { realm } = currentWork()
  const { authTime } = session
  const claims = idTokenClaims({ realm, client, account, authTime, acr: '1' }, scope.split(' '))
  const token = new ctx.oidc.provider.IdToken({ ...claims, sub: account.id, auth_time: authTime }, { ctx })
  token.set('sid', session.sid)
  return token.issue({ use: 'idtoken' })
}
