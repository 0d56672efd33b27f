/**
 * Every metric of this server: its name, type, labels and meaning (experience.md §5.5). The registry is built from
 * it and docs/operating/metrics.md is written from it, so neither can have what the other lacks.
 *
 * Names are Prometheus's: base units, the unit last, `_total` on counters. No label names a person or a session.
 */

export interface MetricFacts {
  readonly type: 'counter' | 'gauge' | 'histogram'
  readonly labels: readonly Label[]
  readonly help: string
  /** Upper bounds in seconds, for a histogram alone. */
  readonly buckets?: readonly number[]
}

/** What the values of a label are, and how many there can be. */
export const labels = {
  realm: 'the name of the realm',
  application:
    'the client id; `_other` for all beyond the first 500 pairs of realm and application that a process has met',
  initiator: '`user`, `admin`, `app`, `expiry`, `api` or `upstream`',
  channel: '`oidc-back-channel`, `oidc-front-channel`, `keycloak-admin-url`, `saml` or `ssf`',
  outcome:
    'of a delivery `accepted`, `rejected`, `unconfirmed`, `unreachable`, `blocked` or `cancelled`; of a sign-in `ok` or the word of the error event',
  reason: '`ok` or a code of [reasons](../reasons.md)',
  method: '`password`, `session` where the person was signed in already, `none` where nobody proved anything',
  grant: 'the grant type of the token request',
  version: 'the version of the package',
  http_request_method: 'the method',
  http_response_status_code: 'the status of the answer',
  http_route: 'the pattern of the address; empty where there is nothing at it',
  url_scheme: '`http` or `https`, as the proxy says where one is trusted',
} as const satisfies Readonly<Record<string, string>>
export type Label = keyof typeof labels

/** A delivery is told in milliseconds or after hours, and both are worth telling apart. */
const deliveryBuckets = [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60, 600, 3600, 86_400, 259_200]
/** Those that OpenTelemetry advises for `http.server.request.duration`. */
const requestBuckets = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10]

export const catalogue = {
  curfew_sign_outs_total: {
    type: 'counter',
    labels: ['realm', 'initiator'],
    help: 'Sign-outs decided',
  },
  curfew_sign_out_unsupported_total: {
    type: 'counter',
    labels: ['realm', 'application'],
    help: 'Applications of a sign-out that no channel could tell',
  },
  curfew_sign_out_duration_seconds: {
    type: 'histogram',
    labels: ['realm'],
    help: 'Time from the first delivery of a sign-out, written with its commit, to the last verdict; replays do not count',
    buckets: deliveryBuckets,
  },
  curfew_deliveries_total: {
    type: 'counter',
    labels: ['realm', 'application', 'channel', 'outcome'],
    help: 'Deliveries that reached a verdict',
  },
  curfew_delivery_attempts_total: {
    type: 'counter',
    labels: ['realm', 'application', 'reason'],
    help: 'Attempts to tell an application',
  },
  curfew_delivery_duration_seconds: {
    type: 'histogram',
    labels: ['realm', 'channel'],
    help: 'Time from the commit that wrote a delivery to the accepting answer of the application',
    buckets: deliveryBuckets,
  },
  curfew_deliveries_pending: {
    type: 'gauge',
    labels: ['realm', 'application'],
    help: 'Deliveries that wait for a try; counted to 10,000 for each address, over 2,000 addresses at most',
  },
  curfew_deliveries_untold: {
    type: 'gauge',
    labels: ['realm', 'application'],
    help: 'Deliveries that ended without being accepted, as long as they are kept; counted to 10,000 for each address, over 2,000 addresses at most',
  },
  curfew_delivery_oldest_pending_seconds: {
    type: 'gauge',
    labels: ['realm'],
    help: 'Age of the oldest delivery that waits',
  },
  curfew_endpoint_paused: {
    type: 'gauge',
    labels: ['realm', 'application'],
    help: '1 while the breaker of one of its addresses is open; of 2,000 addresses at most',
  },
  curfew_delivery_lease_expiries_total: {
    type: 'counter',
    labels: [],
    help: 'Leases that ran out and were taken over',
  },
  curfew_delivery_fence_rejections_total: {
    type: 'counter',
    labels: [],
    help: 'Outcomes refused because another holder was newer',
  },
  curfew_deliveries_in_flight: { type: 'gauge', labels: [], help: 'Tries under way in this process' },
  curfew_outbound_pools: { type: 'gauge', labels: [], help: 'Connection pools that are open' },
  curfew_sessions_active: { type: 'gauge', labels: ['realm'], help: 'Sessions that are signed in' },
  curfew_sign_ins_total: {
    type: 'counter',
    labels: ['realm', 'method', 'outcome'],
    help: 'Sign-ins to applications, and refused ones',
  },
  curfew_tokens_issued_total: { type: 'counter', labels: ['realm', 'grant'], help: 'Token responses' },
  curfew_build_info: { type: 'gauge', labels: ['version'], help: 'Version of this process' },
  http_server_request_duration_seconds: {
    type: 'histogram',
    labels: ['http_request_method', 'http_response_status_code', 'http_route', 'url_scheme'],
    help: 'Time from a request to the end of its answer',
    buckets: requestBuckets,
  },
} as const satisfies Readonly<Record<string, MetricFacts>>

export type MetricName = keyof typeof catalogue
type NameOf<T extends MetricFacts['type']> = {
  [N in MetricName]: (typeof catalogue)[N]['type'] extends T ? N : never
}[MetricName]
export type CounterName = NameOf<'counter'>
export type GaugeName = NameOf<'gauge'>
export type HistogramName = NameOf<'histogram'>
export type LabelOf<N extends MetricName> = (typeof catalogue)[N]['labels'][number]
