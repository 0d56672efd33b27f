/**
 * What an attempt keeps of the certificates that it saw: enough to tell the owner of an application what to change.
 */
import type { X509Certificate } from 'node:crypto'

export interface CertificateLine {
  readonly subject: string
  readonly issuer: string
  readonly names: string
  readonly validFrom: string
  readonly validTo: string
  readonly fingerprint256: string
}

export interface CertificateSummary {
  /** As sent by the server, its own first. */
  readonly served: readonly CertificateLine[]
  /** False when certificates that do not belong to the chain could not be seen (TLS 1.3). */
  readonly isExact: boolean
  /** Whether a certificate with the name of the issuer of the server's own was sent as well. */
  readonly isIssuerSent: boolean
  /** Which of `served` the fault is about. */
  readonly faultIndex?: number
  /** Certificates that the server should send and does not, with where they were found. */
  readonly missing?: readonly {
    readonly line: CertificateLine
    readonly foundAt: string
    readonly pem: string
  }[]
  /** A trusted certificate of the same name and another key. */
  readonly trustedNamesake?: CertificateLine
  /** The chain would be trusted with `trust.use_system_ca`. */
  readonly isTrustedBySystem?: boolean
}

/** More of a chain is not kept: a server may send anything. */
export const servedMax = 8

export function certificateLine(certificate: X509Certificate): CertificateLine {
  return {
    subject: oneLine(certificate.subject),
    issuer: oneLine(certificate.issuer),
    names: (certificate.subjectAltName ?? '').slice(0, 1_000),
    validFrom: new Date(certificate.validFromDate).toISOString(),
    validTo: new Date(certificate.validToDate).toISOString(),
    fingerprint256: certificate.fingerprint256,
  }
}

/** Node writes one attribute per line. */
function oneLine(name: string | undefined): string {
  return (name ?? '').split('\n').join(', ').slice(0, 500)
}
