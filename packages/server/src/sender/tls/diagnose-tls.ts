/**
 * Says why TLS could not be set up, as one reason code of experience.md §6.4, and keeps what was seen of the
 * certificates. Where Node's error has several causes, it looks again at the same address, without a request.
 */
import { X509Certificate } from 'node:crypto'
import { getCACertificates } from 'node:tls'
import type { Clock, Instant } from '../../ambient/clock.ts'
import type { Timer } from '../../ambient/timer.ts'
import type { OutboundTarget } from '../address-guard.ts'
import { parseHostAsIp } from '../ip-address.ts'
import { OutboundFailure } from '../outbound/outbound-failure.ts'
import { type CertificateSummary, certificateLine, servedMax } from './certificate-summary.ts'
import { type Finding, findMissing } from './find-missing.ts'
import { answersWithoutName, type InspectDeps, inspectChain, type ServedChain } from './inspect-chain.ts'
import { readServerHello } from './read-server-hello.ts'
import { reasonOfTlsError } from './tls-reason.ts'
import type { Trust } from './trust.ts'

export interface DiagnoseDeps extends InspectDeps {
  readonly clock: Clock
  readonly timer: Timer
  readonly readIssuer: (url: string) => Promise<Buffer | undefined>
}

export interface DiagnosePlan {
  readonly target: OutboundTarget
  readonly trust: Trust
}

/** The attempt has 10 s in all; looking further must not use them up. */
const diagnoseTimeoutMs = 3_000

export async function diagnoseTls(
  deps: DiagnoseDeps,
  plan: DiagnosePlan,
  error: Error & { code?: string },
): Promise<OutboundFailure> {
  if (error instanceof OutboundFailure) return error
  const first = reasonOfTlsError(error) ?? 'tls.closed'
  const detail = `${error.code ? `${error.code}: ` : ''}${error.message.trim()}`
  const found = await withinTime(deps.timer, lookFurther(deps, plan, first, error), { reason: first })
  return new OutboundFailure('no_answer', found.reason, detail, {
    cause: error,
    ...(found.certificate ? { certificate: JSON.stringify(found.certificate) } : {}),
  })
}

interface Diagnosis {
  readonly reason: string
  readonly certificate?: CertificateSummary
}

async function lookFurther(
  deps: DiagnoseDeps,
  plan: DiagnosePlan,
  reason: string,
  error: Error & { code?: string },
): Promise<Diagnosis> {
  const name = serverNameOf(plan)
  if (reason === 'tls.no_common_cipher') return { reason: await explainAlert40(deps, name) }
  if (reason === 'tls.closed') return { reason: (await closesForName(deps, name)) ? 'tls.sni' : reason }
  if (!isAboutCertificates(reason)) return { reason }
  const chain = await inspectChain(deps, name)
  if (!chain) return { reason }
  const finding = await explainCertificate(deps, plan, chain, reason, error)
  return { reason: finding.reason, certificate: summaryOf(chain, finding) }
}

/** Alert 40 after the server has asked for a certificate means that it wanted one; TLS 1.2 has no better word. */
async function explainAlert40(deps: DiagnoseDeps, name: string | undefined): Promise<string> {
  const hello = await readServerHello(deps, await deps.open(), name)
  return hello.asksForCertificate ? 'tls.client_cert_required' : 'tls.no_common_cipher'
}

async function closesForName(deps: DiagnoseDeps, name: string | undefined): Promise<boolean> {
  return name !== undefined && (await answersWithoutName(deps))
}

async function explainCertificate(
  deps: DiagnoseDeps,
  plan: DiagnosePlan,
  chain: ServedChain,
  reason: string,
  error: Error & { code?: string },
): Promise<Finding> {
  const leaf = chain.certificates[0] as X509Certificate
  const at: Instant = deps.clock.now()
  switch (error.code ?? '') {
    case 'UNABLE_TO_VERIFY_LEAF_SIGNATURE':
    case 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY':
    case 'SELF_SIGNED_CERT_IN_CHAIN':
      return findMissing({ anchors: plan.trust.anchors, systemAnchors, readIssuer: deps.readIssuer }, chain)
    case 'INVALID_PURPOSE':
      return { reason: mayServe(leaf) ? 'tls.bad_ca' : 'tls.wrong_purpose', details: {} }
    case 'ERR_TLS_CERT_ALTNAME_INVALID':
    case 'HOSTNAME_MISMATCH':
      return { reason: reasonOfName(leaf, plan), details: { faultIndex: 0 } }
    case 'CERT_HAS_EXPIRED':
      return withFault(reason, chain, (one) => one.validToDate.getTime() <= at)
    case 'CERT_NOT_YET_VALID':
      return withFault(reason, chain, (one) => one.validFromDate.getTime() > at)
    default:
      return { reason, details: {} }
  }
}

function reasonOfName(leaf: X509Certificate, plan: DiagnosePlan): string {
  if (!leaf.subjectAltName) return 'tls.no_san'
  return parseHostAsIp(plan.target.host) ? 'tls.ip_not_in_cert' : 'tls.hostname_mismatch'
}

/** OpenSSL gives one code for every certificate of the chain; the dates say which one it is. */
function withFault(
  reason: string,
  chain: ServedChain,
  isFaulty: (certificate: X509Certificate) => boolean,
): Finding {
  const faultIndex = chain.certificates.findIndex(isFaulty)
  return { reason, details: faultIndex < 0 ? {} : { faultIndex } }
}

const serverAuthentication = '1.3.6.1.5.5.7.3.1'

/** No list of purposes means any purpose (RFC 5280 §4.2.1.12). */
function mayServe(leaf: X509Certificate): boolean {
  const purposes = leaf.keyUsage as readonly string[] | undefined
  return !purposes || purposes.length === 0 || purposes.includes(serverAuthentication)
}

function isAboutCertificates(reason: string): boolean {
  return ![
    'tls.plain_http',
    'tls.protocol_version',
    'tls.client_cert_required',
    'tls.client_cert_refused',
    'tls.sni',
    'tls.our_config',
    'tls.legacy_renegotiation',
    'tls.small_dh',
  ].includes(reason)
}

function summaryOf(chain: ServedChain, finding: Finding): CertificateSummary {
  const leaf = chain.certificates[0] as X509Certificate
  return {
    served: chain.certificates.slice(0, servedMax).map(certificateLine),
    isExact: chain.isExact,
    isIssuerSent: chain.certificates.slice(1).some((one) => one.subject === leaf.issuer),
    ...finding.details,
  }
}

function serverNameOf(plan: DiagnosePlan): string | undefined {
  const name = plan.trust.serverName ?? plan.target.host.replace(/\.$/, '')
  return parseHostAsIp(name) ? undefined : name
}

let systemList: readonly X509Certificate[] | undefined

function systemAnchors(): readonly X509Certificate[] {
  systemList ??= getCACertificates('system').map((pem) => new X509Certificate(pem))
  return systemList
}

function withinTime<T>(timer: Timer, work: Promise<T>, otherwise: T): Promise<T> {
  return new Promise((resolve) => {
    const cancel = timer.after(diagnoseTimeoutMs, () => resolve(otherwise))
    const finish = (value: T): void => {
      cancel()
      resolve(value)
    }
    work.then(finish, () => finish(otherwise))
  })
}
