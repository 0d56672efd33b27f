/** The outbound client as tests use it: loopback is allowed, names resolve to what the test says. */
import type { TestContext } from 'node:test'
import { systemClock } from '../../src/ambient/clock.ts'
import { systemTimer, type Timer } from '../../src/ambient/timer.ts'
import {
  createOutboundHttp,
  type OutboundDeps,
  type OutboundHttp,
  type OutboundPost,
  type OutboundSettings,
} from '../../src/sender/outbound-http.ts'
import { defaultOutboundPorts } from '../../src/sender/outbound-policy.ts'
import { defaultTrust } from '../../src/sender/tls/trust.ts'

export const someOutboundSettings: OutboundSettings = {
  allow: [],
  ports: defaultOutboundPorts,
  allowLinkLocal: false,
  isDev: true,
  ownUrl: undefined,
  trust: defaultTrust,
  proxy: undefined,
  applications: new Map(),
}

/** Closed when the test ends. Every name resolves to 127.0.0.1 unless the test hands in a `resolve`. */
export function outboundFor(
  t: TestContext,
  settings: Partial<OutboundSettings> = {},
  deps: Partial<OutboundDeps> = {},
): OutboundHttp {
  const outbound = createOutboundHttp({
    clock: systemClock,
    timer: systemTimer,
    settings: { ...someOutboundSettings, ...settings },
    resolve: async () => ['127.0.0.1'],
    ...deps,
  })
  t.after(() => outbound.close())
  return outbound
}

const noTrust: readonly string[] = []

/** A notice as the back-channel sender posts it. */
export function someNotice(url: string, of: Partial<OutboundPost> = {}): OutboundPost {
  return {
    endpointId: 'realm-1/oidc-back-channel/crm',
    url,
    scope: { realm: 'demo', clientId: 'crm' },
    trustPem: noTrust,
    contentType: 'application/x-www-form-urlencoded',
    body: 'logout_token=a.b.c',
    ...of,
  }
}

export const neverAborted: AbortSignal = new AbortController().signal

/** A timer on which every wait is `factor` times shorter, so that limits can be met in a test. */
export function hurriedTimer(factor: number): Timer {
  return { after: (delayMs, run) => systemTimer.after(delayMs / factor, run) }
}
