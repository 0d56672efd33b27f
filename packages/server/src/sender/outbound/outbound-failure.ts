/**
 * Why no answer came, as one value: thrown inside the connector, because undici carries errors and nothing else.
 */

/** What became of the connection. `proxy`: the egress proxy itself failed, so the application is not to blame. */
export type FailureKind = 'blocked' | 'no_answer' | 'proxy'

export class OutboundFailure extends Error {
  readonly kind: FailureKind
  /** A code of experience.md §6.4. */
  readonly reason: string
  /** JSON of `CertificateSummary`, when a certificate was seen. */
  readonly certificate: string | undefined

  constructor(
    kind: FailureKind,
    reason: string,
    detail: string,
    options?: { cause?: unknown; certificate?: string },
  ) {
    super(detail, options)
    this.name = 'OutboundFailure'
    this.kind = kind
    this.reason = reason
    this.certificate = options?.certificate
  }
}
