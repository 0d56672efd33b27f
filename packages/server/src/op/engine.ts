/**
 * One engine per realm: made at the realm's first request, replaced when what it was told at its making changes
 * (engine.md §4). Clients, lifetimes and accounts are not part of it; they are read with every request.
 */
import { createHash } from 'node:crypto'
import type { EventEmitter } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { type KoaContextWithOIDC, Provider } from 'oidc-provider'
import type { Instant } from '../ambient/clock.ts'
import { type RealmKey, signingAlgorithms, signingKeyFor } from '../key/key.ts'
import type { Realm } from '../realm/realm.ts'
import { matchRedirectUri } from '../rp/redirect-uri.ts'
import { type CommitResponseDeps, commitResponse } from './commit-response.ts'
import { discoveryAdditions } from './discovery.ts'
import { type EngineConfigurationDeps, type EngineKeys, engineConfiguration } from './engine-configuration.ts'
import { overrideInternals } from './engine-internals.ts'
import { signAccessToken, signIdToken } from './issue-token.ts'
import { acrNames } from './mapper/acr-name.ts'
import { allScopes } from './mapper/all-scopes.ts'
import { type PasswordGrantDeps, registerPasswordGrant } from './password-grant.ts'
import { sessionStateOf } from './session-frame/session-state.ts'
import { refreshTokenValue } from './token-response.ts'
import { currentWork, type EngineError, errorReference } from './unit-of-work/unit-of-work.ts'
import { judgeNotBefore, verifyRefreshToken } from './verify-token.ts'

export interface EngineDeps extends EngineConfigurationDeps, CommitResponseDeps, PasswordGrantDeps {}

export interface Engine {
  readonly provider: Provider
  /** Runs the engine on a request whose URL is relative to the realm. */
  readonly run: (req: IncomingMessage, res: ServerResponse) => Promise<void>
}

export interface Engines {
  engineOf(realm: Realm, at: Instant): Engine
}

/** About 50 KiB each; the one unused for longest leaves first. */
export const engineCountMax = 1000

interface Kept {
  readonly engine: Engine
  readonly realm: Realm
  readonly fingerprint: string
  /** When a key that is only published now begins to sign. */
  readonly freshUntil: Instant
}

export function createEngines(deps: EngineDeps): Engines {
  const kept = new Map<string, Kept>()
  return {
    engineOf(realm, at) {
      const known = kept.get(realm.id)
      if (known && known.realm === realm && at < known.freshUntil) return known.engine
      const keys = engineKeys(realm, at)
      const fingerprint = fingerprintOf(realm, keys)
      const engine = known?.fingerprint === fingerprint ? known.engine : createEngine(deps, realm, keys)
      kept.delete(realm.id)
      kept.set(realm.id, { engine, realm, fingerprint, freshUntil: nextKeyAt(realm, at) })
      if (kept.size > engineCountMax) kept.delete(kept.keys().next().value as string)
      return engine
    },
  }
}

function createEngine(deps: EngineDeps, realm: Realm, keys: EngineKeys): Engine {
  const provider = new Provider(realm.issuer, engineConfiguration(deps, realm, keys))
  // the host name comes from the issuer, through headers that mount.ts writes itself
  provider.proxy = true
  overrideInternals(provider, {
    isRedirectUriAllowed(clientId, uri) {
      const client = currentWork().realm.clients.get(clientId)
      return client !== undefined && matchRedirectUri(client, uri) !== undefined
    },
    noteNotice: (clientId, sid) => void currentWork().engineNotices.push({ clientId, sid }),
    signIdToken,
    signAccessToken: (token) => signAccessToken(deps.on, token),
    formatRefreshToken: (token) => refreshTokenValue(deps.secret, currentWork(), token),
    readRefreshToken: (value) => readArtifactId(deps, value),
  })
  registerPasswordGrant(deps, provider, realm)
  listenTo(deps, provider)
  provider.use(commitResponse(deps) as Parameters<typeof provider.use>[0])
  const callback = provider.callback()
  return { provider, run: (req, res) => Promise.resolve(callback(req, res)) }
}

/** The row decides what the token is worth; the not-before of realm and client decide here. */
function readArtifactId({ secret }: EngineDeps, value: string): string | undefined {
  const { realm } = currentWork()
  const verified = verifyRefreshToken(secret, realm, value)
  if (!verified.ok) return undefined
  const { azp, iat, jti } = verified.claims
  const levels = { realm: realm.notBefore, client: realm.clients.get(azp)?.notBefore ?? 0, account: 0 }
  return judgeNotBefore(iat, levels) ? undefined : jti
}

/** The engine's events come before the commit and are not awaited: they complete the answer or leave a note (engine.md §8.1). */
function listenTo({ ambient }: EngineDeps, provider: Provider): void {
  // this event's second argument and all of Koa's own are left out of the engine's types
  const emitter: EventEmitter = provider
  emitter.on('authorization.success', (ctx: KoaContextWithOIDC, answer: Record<string, unknown>) => {
    // the engine leaves members without a value out
    const { realm } = currentWork()
    answer['session_state'] = sessionStateOf(ambient.random, realm, ctx)
    // KC-07
    const { attributes = {} } = realm.clients.get(ctx.oidc.client?.clientId ?? '') ?? {}
    if (attributes['exclude.issuer.from.auth.response'] === 'true') answer['iss'] = undefined
  })
  const note = (_ctx: unknown, error: EngineError): void => {
    currentWork().engineError = error
  }
  provider.on('grant.error', note)
  provider.on('authorization.error', note)
  provider.on('pushed_authorization_request.error', note)
  const logError = (error: unknown): void => {
    const text = error instanceof Error ? error.stack : String(error)
    ambient.log.write('error', 'op.engine_failed', {
      reference: errorReference(ambient.random),
      error: text,
    })
  }
  provider.on('server_error', (_ctx: unknown, error: unknown) => {
    currentWork().fault = error
    logError(error)
  })
  emitter.on('error', logError)
}

/** The signing key of each algorithm first, RS256 before the others: the engine signs with the first that fits. */
function engineKeys(realm: Realm, at: Instant): EngineKeys {
  const signing = signingAlgorithms
    .map((algorithm) => signingKeyFor(realm.keys, algorithm, at))
    .filter((key) => key !== undefined)
  const others = realm.keys.filter((key) => key.status !== 'retired' && !signing.includes(key))
  return { keys: [...signing, ...others], usable: signing.map((key) => key.algorithm) }
}

function nextKeyAt(realm: Realm, at: Instant): Instant {
  const coming = realm.keys.filter((key: RealmKey) => key.status === 'active' && key.usableAt > at)
  return Math.min(Number.POSITIVE_INFINITY, ...coming.map((key) => key.usableAt))
}

/** What the engine is told once and keeps. */
function fingerprintOf(realm: Realm, { keys, usable }: EngineKeys): string {
  const told = [
    realm.issuer,
    realm.cookieKey,
    realm.settings.passwordGrant,
    allScopes(realm),
    acrNames(realm),
    discoveryAdditions(realm),
    usable,
    keys.map(({ kid, certificate }) => [kid, certificate]),
  ]
  return createHash('sha256').update(JSON.stringify(told)).digest('base64url')
}
