/** Joins the routes of every folder to one HTTP server, and those of operators to a second port where one is set. */
import type { FastifyInstance } from 'fastify'
import type { PasswordPool } from '../account/password-pool.ts'
import { registerAdminApi } from '../admin-api/admin-api.ts'
import type { Ambient } from '../ambient/ambient.ts'
import type { Settings } from '../config/schema.ts'
import type { SignOutFeed } from '../delivery/feed.ts'
import type { EventDeps } from '../event/record-event.ts'
import { closeHttp } from '../http/close-http.ts'
import { registerHealth } from '../http/health.ts'
import { createHttp } from '../http/http.ts'
import type { ServerSecret } from '../key/seal.ts'
import { createClientKeys, type FetchJson } from '../op/client-keys.ts'
import { createOp } from '../op/op.ts'
import { registerOwnEndpoints } from '../op/own-endpoints.ts'
import { registerEngine } from '../op/register-engine.ts'
import { registerPages, renderHttpError, renderOpError } from '../page/page.ts'
import type { Realms } from '../realm/realm.ts'
import { isLegacyAddress } from '../realm/realm-settings.ts'
import type { OutboundHttp } from '../sender/outbound-http.ts'
import { createGuessLines } from '../sign-in/guess-line.ts'
import { verifyCredentials } from '../sign-in/verify-credentials.ts'
import type { SignOutDeps } from '../sign-out/sign-out.ts'
import type { Store } from '../store/store.ts'
import { measureRequests } from '../telemetry/measure-requests.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import { registerMetrics } from '../telemetry/register-metrics.ts'
import { recordCancelled } from './record-cancelled.ts'

export interface HttpParts {
  readonly store: Store
  readonly realms: Realms
  readonly ambient: Ambient
  readonly outbound: OutboundHttp
  readonly passwords: PasswordPool
  readonly secret: ServerSecret
  readonly events: EventDeps
  readonly signOut: SignOutDeps
  readonly feed: SignOutFeed
  readonly metrics: Metrics
  /** The public address, without a trailing slash. */
  readonly url: string
}

export interface ComposedHttp {
  readonly app: FastifyInstance
  readonly management: FastifyInstance | undefined
  /** Readiness turns false; requests in flight go on. */
  startDraining(): void
  /** Requests in flight have `graceMs` to finish. */
  close(graceMs: number): Promise<void>
}

export async function composeHttp(parts: HttpParts, settings: Settings): Promise<ComposedHttp> {
  const { ambient, store, url, secret, signOut } = parts
  const http = {
    isPublicHttps: url.startsWith('https:'),
    legacyAuthPath: settings.legacy_auth_path,
    isBelowAuth: async (realmName: string) =>
      isLegacyAddress((await parts.realms.byName(realmName))?.settings.frontendUrl),
    trustedProxies: settings['proxy.trusted'],
  }
  const app = createHttp(ambient, http, renderHttpError(http.isPublicHttps))
  measureRequests(app, parts.metrics)
  const fetchJson = jsonReader(parts)
  const credentials = { ...parts.events, store, passwords: parts.passwords, guessLines: createGuessLines() }
  const endpoints = { ...signOut, secret, clientKeys: createClientKeys(fetchJson) }
  const op = createOp({
    ...signOut,
    secret,
    fetchJson,
    interactionUrl: (realm, uid) => `${realm.issuer}/sign-in/${uid}`,
    renderErrorPage: renderOpError,
    verifyCredentials: (realm, login, password, source) =>
      verifyCredentials(
        credentials,
        realm,
        login,
        password,
        { ipAddress: source.ipAddress, clientId: undefined },
        ambient.clock.now(),
      ),
  })
  registerOwnEndpoints(app, endpoints)
  registerPages(app, {
    ...parts,
    ...credentials,
    ...endpoints,
    interactions: op,
    settings: {
      isPublicHttps: http.isPublicHttps,
      legacyRedirectUri: settings.legacy_redirect_uri,
      loopbackUrl: settings.dev && settings.url === undefined ? url : undefined,
    },
  })
  registerAdminApi(app, { ...signOut, passwords: parts.passwords, onCancelled: recordCancelled(parts) })
  registerEngine(app, { op, realms: parts.realms })

  let isDraining = false
  const management =
    settings.management_port === undefined
      ? undefined
      : createHttp(ambient, http, renderHttpError(http.isPublicHttps))
  const operators = management ?? app
  registerHealth(operators, { ready: { database: () => store.check() }, isDraining: () => isDraining })
  registerMetrics(operators, parts.metrics)
  await Promise.all([app.ready(), management?.ready()])
  return {
    app,
    management,
    startDraining() {
      isDraining = true
    },
    async close(graceMs) {
      const apps = [app, ...(management ? [management] : [])]
      await Promise.all(apps.map((one) => closeHttp(one, ambient.timer, graceMs)))
    },
  }
}

/** Reads JSON from an application's address, through the guard, with its realm's trust; rejects when it cannot. */
function jsonReader({ outbound, realms }: Pick<HttpParts, 'outbound' | 'realms'>): FetchJson {
  return async (url, owner) => {
    const realm = owner && (await realms.byId(owner.realmId))
    const scope = realm && { realm: realm.name, clientId: owner.clientId }
    const result = await outbound.fetchJson({
      url,
      ...(scope ? { scope, trustPem: realm.settings.trustPem } : {}),
    })
    if (result.ok) return result.json
    throw new Error(`${new URL(url).origin} gave no JSON: ${result.reason}`)
  }
}
