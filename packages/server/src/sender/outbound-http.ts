/**
 * Outbound HTTP: the only opener of connections of the server. Notices, key sets, request objects, metadata and
 * pushes all leave through here, so one guard binds all of them.
 *
 * Terms
 * - endpoint: one address of one application over one channel. It has connections of its own, because a limit
 *   per origin would be shared by all applications behind one gateway name (delivery.md, isolation).
 * - scope: the application for which the operator may have made an exception.
 *
 * Invariants
 * - No redirect is followed; the answer of the address that was registered is the answer.
 * - An address is judged when it is read and again when it is reached; what cannot be judged is not called.
 * - No exchange takes longer than 10 s, sends more than 16 KB or keeps more of an answer than was asked for.
 * - Failures are values; nothing here throws for what an application does.
 */
import type { Client } from 'undici'
import type { Clock } from '../ambient/clock.ts'
import type { Timer } from '../ambient/timer.ts'
import { judgeUrl } from './address-guard.ts'
import { type Blocked, explainBlocked } from './explain-blocked.ts'
import { createEndpointPools, type EndpointPools, type OpenedWay } from './outbound/endpoint-pools.ts'
import { type Exchanged, type ExchangeRequest, exchange, type LateBody } from './outbound/exchange.ts'
import { explainPlainHttp } from './outbound/explain-plain-http.ts'
import {
  documentBytesMax,
  documentPatienceMs,
  type JsonResult,
  jsonOf,
  responseOf,
} from './outbound/fetch-document.ts'
import { type ConnectPlan, openConnection } from './outbound/open-connection.ts'
import { OutboundFailure } from './outbound/outbound-failure.ts'
import type { ProxySettings } from './outbound/proxy.ts'
import { outcomeOf } from './outbound/read-answer.ts'
import { createHostResolver, directResolve, type Resolve, systemResolve } from './outbound/resolve-host.ts'
import type { AllowEntry, OutboundPolicy } from './outbound-policy.ts'
import type { SendOutcome } from './sender.ts'
import { type ApplicationTls, createTrust, type TrustSettings } from './tls/trust.ts'

export type { LateBody } from './outbound/exchange.ts'

/** The application that a call is made for; undefined for calls of the server itself. */
export interface OutboundScope {
  readonly realm: string
  readonly clientId: string
}

/** `outbound.applications.<realm>/<clientId>.*`: exceptions for one application, made by the operator alone. */
export interface ApplicationOutbound extends ApplicationTls {
  readonly allow: readonly AllowEntry[]
  readonly allowPlainHttp?: boolean
}

export interface OutboundSettings extends OutboundPolicy {
  readonly trust: TrustSettings
  readonly proxy: ProxySettings | undefined
  /** By `<realm>/<clientId>`. */
  readonly applications: ReadonlyMap<string, ApplicationOutbound>
}

export interface OutboundPost {
  readonly endpointId: string
  readonly url: string
  readonly scope: OutboundScope | undefined
  /** The realm's own trust list (`realm.settings.trustPem`). */
  readonly trustPem: readonly string[]
  readonly contentType: string
  /** At most 16 KB. */
  readonly body: string | LateBody
  readonly headers?: Readonly<Record<string, string>>
  /** Default 2,048: what an attempt keeps as evidence. A protocol whose answer carries a message asks for more. */
  readonly answerBytesMax?: number
  /** How long the body may take after the headers, default 200 ms, at most what is left of 10 s. */
  readonly bodyPatienceMs?: number
}

export interface OutboundFetch {
  readonly url: string
  readonly scope?: OutboundScope
  readonly trustPem?: readonly string[]
  readonly headers?: Readonly<Record<string, string>>
  /** Default 256 KB. A longer answer is a failure. */
  readonly answerBytesMax?: number
}

export interface OutboundHttp extends AsyncDisposable {
  /** Posts one message. Always resolves; at most 10 s. */
  post(request: OutboundPost, signal: AbortSignal): Promise<SendOutcome>
  /** Gets a JSON document. Anything but a complete 200 with JSON is `ok: false`. */
  fetchJson(request: OutboundFetch, signal?: AbortSignal): Promise<JsonResult>
  /** `fetch` for the engine: GET and POST, no redirects, whole answers up to 256 KB. Rejects as `fetch` does. */
  fetchFor(scope?: OutboundScope, trustPem?: readonly string[]): typeof globalThis.fetch
  /** Resolves the address and says what keeps it from being called, and the setting that lets it in. */
  check(url: string, scope?: OutboundScope): Promise<Blocked | undefined>
  /** The policy for one application: the server's, with the operator's exceptions for it. */
  policyFor(scope?: OutboundScope): OutboundPolicy
  /** Pools that are open now, for metrics and for the proof that they are bounded (I16). */
  poolCount(): number
  close(): Promise<void>
}

export interface OutboundDeps {
  readonly clock: Clock
  readonly timer: Timer
  readonly settings: OutboundSettings
  /** For tests and for machines with a resolver of their own; the system's by default. */
  readonly resolve?: Resolve
}

export const requestBytesMax = 16 * 1024
const answerBytesDefault = 2_048
const bodyPatienceDefaultMs = 200
const noTrust: readonly string[] = []
const userAgent = 'Curfew'
const issuerBytesMax = 64 * 1024

/** What `post` and the fetches have in common. */
interface Call extends Omit<ExchangeRequest, 'path'> {
  readonly endpointId: string
  readonly url: string
  readonly scope: OutboundScope | undefined
  /** Instead of the policy of the scope. */
  readonly policy?: OutboundPolicy
  readonly trustPem: readonly string[]
}

export function createOutboundHttp(deps: OutboundDeps): OutboundHttp {
  const { clock, settings } = deps
  const pools = createEndpointPools(deps)
  const resolve = hostResolver(deps)
  const call = caller(deps, pools, resolve)
  const policyFor = (scope?: OutboundScope): OutboundPolicy => policyOf(settings, scope)
  const close = (): Promise<void> => pools.close()

  return {
    async post(request, signal) {
      if (byteCountOf(request.body) > requestBytesMax) {
        throw new RangeError(`a notice is at most ${requestBytesMax} bytes long`)
      }
      const startedAt = clock.now()
      const exchanged = await call(postCall(request), signal)
      return outcomeOf(deps, request.url, exchanged, startedAt)
    },
    async fetchJson(request, signal) {
      const get = documentCall(request, 'GET', null, { accept: 'application/json', ...request.headers })
      return jsonOf(await call(get, signal ?? neverAborted))
    },
    fetchFor: (scope, trustPem) => async (input, init) => {
      const request = new Request(input, { ...init, redirect: 'manual' })
      const method = request.method === 'POST' ? 'POST' : 'GET'
      const body = method === 'POST' ? await request.text() : null
      const headers = Object.fromEntries([...request.headers].filter(([, value]) => value !== ''))
      const document = { url: request.url, ...(scope ? { scope } : {}), ...(trustPem ? { trustPem } : {}) }
      return responseOf(await call(documentCall(document, method, body, headers), request.signal))
    },
    async check(url, scope) {
      const policy = policyFor(scope)
      const judged = judgeUrl(url, policy)
      if (!judged.ok || judged.literal) return explainBlocked(url, policy)
      const addresses = await resolve(judged.target.host).catch(() => [])
      return explainBlocked(url, policy, addresses)
    },
    policyFor,
    poolCount: () => pools.count(),
    close,
    [Symbol.asyncDispose]: close,
  }
}

function byteCountOf(body: string | LateBody): number {
  return typeof body === 'string' ? Buffer.byteLength(body) : body.byteCount
}

const neverAborted = new AbortController().signal

function hostResolver(deps: OutboundDeps): Resolve {
  const { timer } = deps
  if (deps.resolve) return createHostResolver({ timer, resolve: deps.resolve, secondOpinion: undefined })
  return createHostResolver({ timer, resolve: systemResolve, secondOpinion: directResolve })
}

/** Judges the address, opens the endpoint's pool and carries out one exchange. Failures are values. */
function caller(
  deps: OutboundDeps,
  pools: EndpointPools,
  resolve: Resolve,
): (request: Call, signal: AbortSignal) => Promise<Exchanged> {
  const { clock, timer, settings } = deps
  const trustFor = createTrust(settings.trust)
  const resolveProxy = createHostResolver({ timer, resolve: systemResolve, secondOpinion: undefined })
  const readIssuer = (url: string): Promise<Buffer | undefined> =>
    call(issuerCall(settings, url), neverAborted).then(documentOf)
  const connectDeps = { clock, timer, resolve, resolveProxy, proxy: settings.proxy, readIssuer }

  const call = async (request: Call, signal: AbortSignal): Promise<Exchanged> => {
    const policy = request.policy ?? policyOf(settings, request.scope)
    const judged = judgeUrl(request.url, policy)
    if (!judged.ok) return failed(new OutboundFailure('blocked', judged.reason, judged.detail))
    const { url } = judged
    const planned = (): ConnectPlan => {
      const trust = trustFor(request.trustPem, exceptionsOf(settings, request.scope), clock.now())
      return { ...judged, policy, trust }
    }
    const open = (): OpenedWay => {
      const plan = planned()
      return { validUntil: plan.trust.validUntil, connect: () => openConnection(connectDeps, plan) }
    }
    const way = { origin: url.origin, trustPem: request.trustPem }
    const use = (client: Client): Promise<Exchanged> =>
      exchange(deps, client, { ...request, path: `${url.pathname}${url.search}` }, signal)
    try {
      const exchanged = await pools.withClient(request.endpointId, way, open, use)
      return await explainPlainHttp(connectDeps, planned, exchanged)
    } catch (error) {
      if (error instanceof OutboundFailure) return failed(error)
      throw error
    }
  }
  return call
}

function postCall(request: OutboundPost): Call {
  const { endpointId, url, scope, trustPem, body } = request
  return {
    endpointId,
    url,
    scope,
    trustPem,
    method: 'POST',
    headers: { 'content-type': request.contentType, 'user-agent': userAgent, ...request.headers },
    body,
    answerBytesMax: request.answerBytesMax ?? answerBytesDefault,
    bodyPatienceMs: request.bodyPatienceMs ?? bodyPatienceDefaultMs,
  }
}

/** Documents share one pool per origin and application: they are read rarely, and wait for nobody's sign-out. */
function documentCall(
  request: OutboundFetch,
  method: 'GET' | 'POST',
  body: string | null,
  headers: Readonly<Record<string, string>>,
): Call {
  const { scope } = request
  return {
    endpointId: `document ${URL.parse(request.url)?.origin} ${scope ? `${scope.realm}/${scope.clientId}` : ''}`,
    url: request.url,
    scope,
    trustPem: request.trustPem ?? noTrust,
    method,
    headers: { 'user-agent': userAgent, ...headers },
    body,
    answerBytesMax: request.answerBytesMax ?? documentBytesMax,
    bodyPatienceMs: documentPatienceMs,
  }
}

/** Public CAs publish their intermediates over plain http, so these calls may use it; private addresses stay closed. */
function issuerCall(settings: OutboundSettings, url: string): Call {
  const policy = { ...settings, allowPlainHttp: true }
  return {
    ...documentCall({ url, answerBytesMax: issuerBytesMax }, 'GET', null, {}),
    policy,
    bodyPatienceMs: 1_000,
  }
}

function documentOf(exchanged: Exchanged): Buffer | undefined {
  return exchanged.kind === 'answered' && exchanged.status === 200 && exchanged.isWhole
    ? exchanged.body
    : undefined
}

function exceptionsOf(
  settings: OutboundSettings,
  scope: OutboundScope | undefined,
): ApplicationOutbound | undefined {
  return scope && settings.applications.get(`${scope.realm}/${scope.clientId}`)
}

function policyOf(settings: OutboundSettings, scope: OutboundScope | undefined): OutboundPolicy {
  const exceptions = exceptionsOf(settings, scope)
  if (!exceptions) return settings
  const allowPlainHttp = settings.allowPlainHttp === true || exceptions.allowPlainHttp === true
  return { ...settings, allow: [...settings.allow, ...exceptions.allow], allowPlainHttp }
}

function failed(error: OutboundFailure): Exchanged {
  return { kind: 'failed', error, wasSent: false }
}
