/**
 * Whom the server trusts when it calls an application: Node's bundled roots, the system's (if switched on), the
 * operator's, the realm's own, and the exceptions of one application.
 *
 * Node replaces its roots when `ca` is given, so they are always put back beside the additions; and one context
 * is built per distinct list, because building one costs milliseconds.
 */
import { createHash, X509Certificate } from 'node:crypto'
import { createSecureContext, getCACertificates, type SecureContext, type SecureVersion } from 'node:tls'
import type { Instant } from '../../ambient/clock.ts'
import { OutboundFailure } from '../outbound/outbound-failure.ts'

/** The operator's settings `trust.*`, files already read. */
export interface TrustSettings {
  readonly caPem: readonly string[]
  /** One list per CA, as separate entries: of two lists in one PEM only the first is used. */
  readonly crlPem: readonly string[]
  /** Default false. */
  readonly useSystemCa: boolean
  /** Any trusted certificate ends a chain, as in a Java truststore. Default false. */
  readonly allowPartialChain: boolean
}

/** The operator's settings `outbound.applications.<realm>/<clientId>.*` that concern TLS. */
export interface ApplicationTls {
  readonly trust?: readonly { readonly pem: string; readonly until: Instant }[]
  /** The name to ask for and to check instead of the URL's host. */
  readonly serverName?: string
  /** An exception below TLS 1.2, until an instant. */
  readonly minVersion?: { readonly version: SecureVersion; readonly until: Instant }
  readonly clientCertificate?: { readonly certificatePem: string; readonly keyPem: string }
}

export interface Trust {
  readonly context: SecureContext
  /** Every certificate that may end a chain. Parsed on first use, which is only when a chain failed. */
  readonly anchors: () => readonly X509Certificate[]
  readonly serverName: string | undefined
  /** The realm's or an application's exception ends then, and the context is built again. */
  readonly validUntil: Instant
}

export const defaultTrust: TrustSettings = {
  caPem: [],
  crlPem: [],
  useSystemCa: false,
  allowPartialChain: false,
}

/** Contexts kept in memory. Beyond, all are dropped and built again as they are needed. */
const contextsMax = 500

/** Gives the trust for one delivery. @throws OutboundFailure `tls.our_config` when a file of ours cannot be used */
export type TrustFor = (
  realmPem: readonly string[],
  application: ApplicationTls | undefined,
  at: Instant,
) => Trust

export function createTrust(settings: TrustSettings): TrustFor {
  const known = new Map<string, Trust>()
  const digests = new WeakMap<object, string>()
  const digestOf = (value: object): string => {
    const digest = digests.get(value) ?? createHash('sha256').update(JSON.stringify(value)).digest('base64')
    digests.set(value, digest)
    return digest
  }
  return (realmPem, application, at) => {
    const key = `${digestOf(realmPem)} ${application ? digestOf(application) : ''}`
    const last = known.get(key)
    if (last && at < last.validUntil) return last
    if (known.size >= contextsMax) known.clear()
    const trust = buildTrust(settings, realmPem, application, at)
    known.set(key, trust)
    return trust
  }
}

function buildTrust(
  settings: TrustSettings,
  realmPem: readonly string[],
  application: ApplicationTls | undefined,
  at: Instant,
): Trust {
  const exceptions = (application?.trust ?? []).filter((one) => at < one.until)
  const minVersion =
    application?.minVersion && at < application.minVersion.until ? application.minVersion : undefined
  const additions = [...settings.caPem, ...realmPem, ...exceptions.map((one) => one.pem)]
  const ends = [...exceptions, ...(minVersion ? [minVersion] : [])].map((one) => one.until)
  let anchors: readonly X509Certificate[] | undefined
  return {
    context: buildContext(settings, additions, application, minVersion?.version),
    anchors: () => {
      anchors ??= rootsOf(settings, additions)
        .flatMap(splitPem)
        .map((pem) => new X509Certificate(pem))
      return anchors
    },
    serverName: application?.serverName,
    validUntil: Math.min(...ends, Number.MAX_SAFE_INTEGER),
  }
}

/** The certificates of a PEM text, one each. */
export function splitPem(text: string): readonly string[] {
  return (
    text.match(
      /-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----[^-]*-----END (?:TRUSTED |X509 )?CERTIFICATE-----/g,
    ) ?? []
  )
}

function rootsOf(settings: TrustSettings, additions: readonly string[]): string[] {
  const system = settings.useSystemCa ? getCACertificates('system') : []
  return [...getCACertificates('bundled'), ...system, ...additions]
}

function buildContext(
  settings: TrustSettings,
  additions: readonly string[],
  application: ApplicationTls | undefined,
  minVersion: SecureVersion | undefined,
): SecureContext {
  const certificate = application?.clientCertificate
  const isOwnList = additions.length > 0 || settings.useSystemCa
  // OpenSSL speaks TLS below 1.2 only at security level 0.
  const old = minVersion !== undefined && minVersion < 'TLSv1.2'
  try {
    for (const pem of additions) assertCertificates(pem)
    return createSecureContext({
      minVersion: minVersion ?? 'TLSv1.2',
      ...(isOwnList ? { ca: rootsOf(settings, additions) } : {}),
      ...(settings.crlPem.length > 0 ? { crl: [...settings.crlPem] } : {}),
      ...(settings.allowPartialChain ? { allowPartialTrustChain: true } : {}),
      ...(old ? { ciphers: 'DEFAULT@SECLEVEL=0' } : {}),
      ...(certificate ? { cert: certificate.certificatePem, key: certificate.keyPem } : {}),
    })
  } catch (cause) {
    const detail = cause instanceof Error ? cause.message : String(cause)
    throw new OutboundFailure('no_answer', 'tls.our_config', `the trust settings cannot be used: ${detail}`, {
      cause,
    })
  }
}

/** Node takes a PEM without a certificate as an empty list and says nothing. */
function assertCertificates(pem: string): void {
  const list = splitPem(pem)
  if (list.length === 0) throw new Error('a trust entry contains no certificate')
  for (const one of list) new X509Certificate(one)
}
