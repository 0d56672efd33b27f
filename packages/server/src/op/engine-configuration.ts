/** What the engine is told of one realm (engine.md §5). */
import { type Configuration, errors, type FindAccount, type KoaContextWithOIDC } from 'oidc-provider'
import type { Random } from '../ambient/random.ts'
import { jsonProblem } from '../http/json-problem.ts'
import type { RealmKey, SigningAlgorithm } from '../key/key.ts'
import type { Realm } from '../realm/realm.ts'
import type { Client } from '../rp/client.ts'
import type { Queryable } from '../store/store.ts'
import { createAdapters } from './adapter/adapter.ts'
import type { FetchJson } from './client-keys.ts'
import { usesRefreshTokens } from './client-metadata.ts'
import { requestableClaims } from './derived-grant.ts'
import { discoveryAdditions } from './discovery.ts'
import { cookieNames, cookieOptions } from './engine-cookie.ts'
import { findWorkAccount } from './find-account.ts'
import { createInteractionPolicy } from './interaction-policy.ts'
import { accessTokenSeconds, refreshTokenSeconds, sessionLifetime, sessionOf } from './lifetime.ts'
import { isOfflineRequest, keepOfflineAccess, loadExistingGrant } from './load-grant.ts'
import { acrNames } from './mapper/acr-name.ts'
import { allScopes } from './mapper/all-scopes.ts'
import { subjectFor } from './mapper/subject.ts'
import { realmResource, realmResourceServer } from './realm-resource.ts'
import { idTokenClaims } from './token-dialect.ts'
import { currentWork } from './unit-of-work/unit-of-work.ts'

export interface EngineConfigurationDeps {
  readonly on: Queryable
  readonly random: Random
  /** Reads a client's keys through the outbound guard. */
  readonly fetchJson: FetchJson
  /** The page of an interaction; its cookie is bound to this path. */
  readonly interactionUrl: (realm: Realm, interactionUid: string) => string
  /** Writes a page about an authorization request that cannot be answered by a redirect. */
  readonly renderError: (
    ctx: KoaContextWithOIDC,
    out: { readonly error: string },
    error: Error,
  ) => Promise<void>
}

export interface EngineKeys {
  /** Published ones, those that sign first for each algorithm. */
  readonly keys: readonly RealmKey[]
  readonly usable: readonly SigningAlgorithm[]
}

const protocol = '/protocol/openid-connect'
/** Stored consents have no end of their own; the engine wants a number. */
const consentSeconds = 10 * 365 * 86_400

export function engineConfiguration(
  deps: EngineConfigurationDeps,
  realm: Realm,
  keys: EngineKeys,
): Configuration {
  return {
    adapter: createAdapters(deps.on, keys.usable) as Configuration['adapter'],
    jwks: { keys: keys.keys.map(engineKey) },
    scopes: allScopes(realm).split(' '),
    claims: engineClaims(allScopes(realm).split(' ')),
    acrValues: [...new Set(['0', '1', ...acrNames(realm)])],
    subjectTypes: ['public', 'pairwise'],
    responseTypes: ['code'],
    clientAuthMethods: [
      'client_secret_basic',
      'client_secret_post',
      'client_secret_jwt',
      'private_key_jwt',
      'none',
    ],
    enabledJWA: { idTokenSigningAlgValues: ['RS256', 'PS256', 'ES256', 'Ed25519', 'EdDSA'] },
    extraParams: ['kc_idp_hint', 'kc_action'],
    allowOmittingSingleRegisteredRedirectUri: false,
    routes: routes(),
    cookies: { names: cookieNames(realm), ...cookieOptions(realm) },
    ttl: lifetimes(),
    features: features(),
    discovery: { ...discoveryAdditions(realm), prompt_values_supported: ['none', 'login', 'consent'] },
    interactions: {
      policy: createInteractionPolicy(),
      url: (_ctx, interaction) => deps.interactionUrl(currentWork().realm, interaction.uid),
    },
    fetch: async (url: unknown) => Response.json(await deps.fetchJson(String(url), ownerOf(String(url)))),
    renderError: deps.renderError as NonNullable<Configuration['renderError']>,
    ...policies(deps),
  }
}

/** The engine asks for key sets alone, and does not say whose: the operator's exceptions are per application. */
function ownerOf(url: string): Client | undefined {
  const { clients } = currentWork().realm
  return [...clients.values()].find(({ attributes }) => URL.parse(attributes['jwks.url'] ?? '')?.href === url)
}

/** Which claims exist. Their contents are the mappers'; a scope of the same name has at least itself. */
function engineClaims(scopes: readonly string[]): NonNullable<Configuration['claims']> {
  const named = [...requestableClaims, 'iss'].map(
    (claim) => [claim, scopes.includes(claim) ? [claim] : null] as const,
  )
  return { openid: ['sub'], ...Object.fromEntries(named) }
}

function policies(deps: EngineConfigurationDeps): Configuration {
  return {
    findAccount: findAccount(deps),
    loadExistingGrant: (ctx) => loadExistingGrant(deps, ctx),
    // CORS is settled before the engine sees the request (mount.ts)
    clientBasedCORS: () => true,
    pairwiseIdentifier: (_ctx, accountId, client) => {
      const { realm } = currentWork()
      const registered = realm.clients.get(client.clientId)
      return registered ? subjectFor(realm, registered, accountId) : accountId
    },
    async expiresWithSession(ctx, code) {
      const isOffline = isOfflineRequest(ctx)
      if (isOffline && code.grantId && currentWork().offlineGrants.has(code.grantId))
        await ctx.oidc.grant?.save()
      return !isOffline
    },
    async issueRefreshToken(_ctx, client) {
      const registered = currentWork().realm.clients.get(client.clientId)
      return (
        client.grantTypeAllowed('refresh_token') && registered !== undefined && usesRefreshTokens(registered)
      )
    },
    pkce: { required: (_ctx, client) => needsProofKey(client.clientId, client.clientAuthMethod) },
    rotateRefreshToken: ({ oidc }) =>
      oidc.client?.clientAuthMethod === 'none' || currentWork().realm.settings.revokeRefreshToken,
  }
}

/** SEC-04, and Keycloak's `pkce.code.challenge.method`: a confidential client may ask to be held to it. */
function needsProofKey(clientId: string, authMethod: string | undefined): boolean {
  const client = currentWork().realm.clients.get(clientId)
  return authMethod === 'none' || !!client?.attributes['pkce.code.challenge.method']
}

function findAccount({ on }: EngineConfigurationDeps): FindAccount {
  return async (ctx, accountId, token) => {
    const work = currentWork()
    const isKnown = [...work.loaded.values()].some(
      ({ session, isAccountEnabled }) => session.accountId === accountId && isAccountEnabled,
    )
    // a live session was read together with the state of its account
    if (!isKnown && !(await findWorkAccount(on, work, accountId))) return undefined
    return {
      accountId,
      async claims(_use, scope, wanted) {
        const client = clientOf(ctx)
        const account = await findWorkAccount(on, work, accountId)
        if (!client || !account) return { sub: accountId }
        const source = (token ?? {}) as { authTime?: number; acr?: string }
        const of = { realm: work.realm, client, account, authTime: source.authTime, acr: source.acr }
        return { ...idTokenClaims(of, scope.split(' '), wanted), sub: accountId }
      },
    }
  }
}

function clientOf({ oidc }: KoaContextWithOIDC): Client | undefined {
  return currentWork().realm.clients.get(oidc.client?.clientId ?? '')
}

function features(): Configuration['features'] {
  return {
    devInteractions: { enabled: false },
    rpInitiatedLogout: { enabled: false },
    backchannelLogout: { enabled: true },
    userinfo: { enabled: false },
    introspection: { enabled: false },
    revocation: { enabled: false },
    clientCredentials: { enabled: true },
    claimsParameter: {
      enabled: true,
      // userinfo is ours: the engine, which thinks that there is none, must not refuse what is asked of it
      assertClaimsParameter: (_ctx, claims) => {
        const problem = jsonProblem(claims)
        if (problem) throw new errors.InvalidRequest(`claims parameter ${problem}`)
        if ('userinfo' in claims) delete (claims as { userinfo?: unknown }).userinfo
      },
    },
    resourceIndicators: {
      enabled: true,
      defaultResource: (ctx) => {
        const client = clientOf(ctx)
        if (client && ctx.oidc.route !== 'token') keepOfflineAccess(ctx, currentWork().realm, client)
        return realmResource
      },
      useGrantedResource: () => true,
      getResourceServerInfo: (_ctx, resource) => resourceServer(resource),
    },
  }
}

/** The realm is the only resource; another one has no scope, so nothing is granted for it. */
function resourceServer(resource: string) {
  return resource === realmResource ? realmResourceServer(currentWork().realm) : { scope: '' }
}

interface LivingToken {
  readonly sessionUid?: string | undefined
  readonly expiresWithSession?: boolean | undefined
}

/** The engine wants plain functions that give at least 1. */
function lifetimes(): Configuration['ttl'] {
  const tokenSeconds = (ctx: KoaContextWithOIDC, { sessionUid }: LivingToken): number => {
    const work = currentWork()
    const endsAt = sessionOf(work, sessionUid)?.endsAt
    return accessTokenSeconds(work.realm, clientOf(ctx), endsAt, work.startedAt)
  }
  return {
    Session: (_ctx, { transient }) => {
      const { idleSeconds, maxSeconds } = sessionLifetime(currentWork().realm.settings, transient !== true)
      return Math.max(1, Math.min(idleSeconds, maxSeconds))
    },
    Interaction: () => currentWork().realm.settings.accessCodeLoginSeconds,
    AuthorizationCode: () => currentWork().realm.settings.accessCodeSeconds,
    AccessToken: (ctx, token) => tokenSeconds(ctx, token as LivingToken),
    ClientCredentials: (ctx) => tokenSeconds(ctx, {}),
    RefreshToken: (_ctx, token) => {
      const work = currentWork()
      const { sessionUid, expiresWithSession } = token as LivingToken
      const isOffline = expiresWithSession !== true
      const sessionEndsAt = sessionOf(work, sessionUid)?.endsAt
      return refreshTokenSeconds(work.realm, { isOffline, sessionEndsAt }, work.startedAt)
    },
    Grant: () => consentSeconds,
  }
}

function routes(): Configuration['routes'] {
  return {
    authorization: `${protocol}/auth`,
    token: `${protocol}/token`,
    jwks: `${protocol}/certs`,
    pushed_authorization_request: `${protocol}/ext/par/request`,
    end_session: `${protocol}/logout`,
  }
}

function engineKey({ privateJwk, certificate, algorithm, kid }: RealmKey) {
  const jwk = { ...privateJwk, kid, alg: algorithm, use: 'sig' }
  return certificate === undefined ? jwk : { ...jwk, x5c: [certificate] }
}
