/**
 * Why a chain does not end at a trusted certificate: the look-alikes of experience.md §6.3, which OpenSSL reports
 * with the same code.
 */
import { X509Certificate } from 'node:crypto'
import { type CertificateSummary, certificateLine } from './certificate-summary.ts'
import type { ServedChain } from './inspect-chain.ts'

export interface FindDeps {
  /** The certificates that may end a chain. */
  readonly anchors: () => readonly X509Certificate[]
  /** Those of the operating system, which are not trusted unless the setting says so. */
  readonly systemAnchors: () => readonly X509Certificate[]
  /** Reads a document that a certificate names, through the guard. undefined when it cannot be had. */
  readonly readIssuer: (url: string) => Promise<Buffer | undefined>
}

export interface Finding {
  readonly reason: string
  readonly details: Partial<CertificateSummary>
}

/** Certificates that are looked for above what was served. */
const missingMax = 3

export async function findMissing(deps: FindDeps, chain: ServedChain): Promise<Finding> {
  const path = pathOf(chain.certificates)
  const top = path.at(-1) as X509Certificate
  if (isSelfIssued(top))
    return path.length === 1 ? { reason: 'tls.self_signed', details: {} } : untrusted(deps, top)

  const impostor = chain.certificates.find((one) => one !== top && one.subject === top.issuer)
  if (impostor) {
    const faultIndex = chain.certificates.indexOf(impostor)
    return { reason: 'tls.wrong_intermediate', details: { faultIndex } }
  }
  return (await findUpwards(deps, top)) ?? untrusted(deps, top)
}

/** Follows the addresses in the certificates until a trusted one is reached. */
async function findUpwards(deps: FindDeps, top: X509Certificate): Promise<Finding | undefined> {
  const missing: { line: ReturnType<typeof certificateLine>; foundAt: string; pem: string }[] = []
  let current = top
  while (missing.length < missingMax) {
    if (missing.length > 0 && deps.anchors().some((anchor) => isIssuedBy(current, anchor))) {
      return { reason: 'tls.chain_incomplete', details: { missing } }
    }
    const foundAt = issuerAddress(current)
    const bytes = foundAt === undefined ? undefined : await deps.readIssuer(foundAt)
    const found = bytes && parseCertificate(bytes)
    if (!found || foundAt === undefined || !isIssuedBy(current, found)) return undefined
    if (isSelfIssued(found)) return undefined
    missing.push({ line: certificateLine(found), foundAt, pem: found.toString() })
    current = found
  }
  return undefined
}

function untrusted(deps: FindDeps, top: X509Certificate): Finding {
  const namesake = deps.anchors().find((anchor) => anchor.subject === top.issuer && !isIssuedBy(top, anchor))
  if (namesake) return { reason: 'tls.renewed_root', details: { trustedNamesake: certificateLine(namesake) } }
  const isTrustedBySystem = deps
    .systemAnchors()
    .some((anchor) => anchor.fingerprint256 === top.fingerprint256 || isIssuedBy(top, anchor))
  return { reason: 'tls.untrusted_root', details: isTrustedBySystem ? { isTrustedBySystem } : {} }
}

/** The server's certificate and the served ones above it that really signed it. */
function pathOf(served: readonly X509Certificate[]): readonly X509Certificate[] {
  const path = [served[0] as X509Certificate]
  for (;;) {
    const last = path.at(-1) as X509Certificate
    const next = isSelfIssued(last)
      ? undefined
      : served.find((one) => !path.includes(one) && isIssuedBy(last, one))
    if (!next) return path
    path.push(next)
  }
}

export function isSelfIssued(certificate: X509Certificate): boolean {
  return certificate.subject === certificate.issuer && certificate.checkIssued(certificate)
}

function isIssuedBy(certificate: X509Certificate, issuer: X509Certificate): boolean {
  return (
    certificate.issuer === issuer.subject &&
    certificate.checkIssued(issuer) &&
    certificate.verify(issuer.publicKey)
  )
}

/** The first plain http(s) address of "CA Issuers" (RFC 5280 §4.2.2.1). */
function issuerAddress(certificate: X509Certificate): string | undefined {
  return /^CA Issuers - URI:(https?:\/\/\S+)$/m.exec(certificate.infoAccess ?? '')?.[1]
}

function parseCertificate(bytes: Buffer): X509Certificate | undefined {
  try {
    return new X509Certificate(bytes)
  } catch {
    return undefined
  }
}
