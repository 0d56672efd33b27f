/**
 * From Node's or OpenSSL's error to a reason code of experience.md §6.4, as far as the error alone can tell. Where
 * one code has several causes, `diagnose-tls.ts` looks further.
 */

/** Codes that name one cause. */
const certain: Readonly<Record<string, string>> = {
  DEPTH_ZERO_SELF_SIGNED_CERT: 'tls.self_signed',
  UNABLE_TO_GET_ISSUER_CERT: 'tls.anchor_is_not_root',
  INVALID_CA: 'tls.bad_ca',
  PATH_LENGTH_EXCEEDED: 'tls.path_length',
  CERT_CHAIN_TOO_LONG: 'tls.path_length',
  CERT_SIGNATURE_FAILURE: 'tls.bad_signature',
  UNABLE_TO_DECRYPT_CERT_SIGNATURE: 'tls.bad_signature',
  UNABLE_TO_DECODE_ISSUER_PUBLIC_KEY: 'tls.bad_signature',
  CERT_UNTRUSTED: 'tls.untrusted_purpose',
  CERT_REJECTED: 'tls.untrusted_purpose',
  CERT_HAS_EXPIRED: 'tls.expired',
  CERT_NOT_YET_VALID: 'tls.not_yet_valid',
  ERR_TLS_CERT_ALTNAME_FORMAT: 'tls.altname_format',
  ERROR_IN_CERT_NOT_BEFORE_FIELD: 'tls.field_format',
  ERROR_IN_CERT_NOT_AFTER_FIELD: 'tls.field_format',
  CERT_REVOKED: 'tls.revoked',
  UNABLE_TO_GET_CRL: 'tls.crl',
  CRL_HAS_EXPIRED: 'tls.crl',
  CRL_NOT_YET_VALID: 'tls.crl',
  CRL_SIGNATURE_FAILURE: 'tls.crl',
  UNABLE_TO_DECRYPT_CRL_SIGNATURE: 'tls.crl',
  ERROR_IN_CRL_LAST_UPDATE_FIELD: 'tls.crl',
  ERROR_IN_CRL_NEXT_UPDATE_FIELD: 'tls.crl',
  OUT_OF_MEM: 'tls.our_config',
  ERR_SSL_WRONG_VERSION_NUMBER: 'tls.plain_http',
  ERR_SSL_PACKET_LENGTH_TOO_LONG: 'tls.plain_http',
  ERR_SSL_HTTP_REQUEST: 'tls.plain_http',
  ERR_SSL_UNSUPPORTED_PROTOCOL: 'tls.protocol_version',
  ERR_SSL_UNSAFE_LEGACY_RENEGOTIATION_DISABLED: 'tls.legacy_renegotiation',
  ERR_SSL_DH_KEY_TOO_SMALL: 'tls.small_dh',
}

/** Codes with several causes, and the one that is named when nothing more can be found out. */
const ambiguous: Readonly<Record<string, string>> = {
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'tls.untrusted_root',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'tls.untrusted_root',
  SELF_SIGNED_CERT_IN_CHAIN: 'tls.untrusted_root',
  INVALID_PURPOSE: 'tls.wrong_purpose',
  ERR_TLS_CERT_ALTNAME_INVALID: 'tls.hostname_mismatch',
  HOSTNAME_MISMATCH: 'tls.hostname_mismatch',
}

/** OpenSSL's sentences for which Node has no code and says `UNSPECIFIED`. */
const sentences: readonly (readonly [RegExp, string])[] = [
  [/(permitted|excluded) subtree violation|name constraint/i, 'tls.name_constraint'],
  [/unhandled critical extension/i, 'tls.critical_extension'],
  [/key too weak/i, 'tls.weak_key'],
  [/digest algorithm too weak|signature digest/i, 'tls.weak_hash'],
  [/key usage does not include certificate signing|basic constraints/i, 'tls.bad_ca'],
]

/** Alerts of RFC 8446 §6 by their number, which OpenSSL 3.0 and 3.5 spell differently. */
const alerts: Readonly<Record<number, string>> = {
  40: 'tls.no_common_cipher',
  42: 'tls.client_cert_refused',
  43: 'tls.client_cert_refused',
  44: 'tls.client_cert_refused',
  45: 'tls.client_cert_refused',
  46: 'tls.client_cert_refused',
  48: 'tls.client_cert_refused',
  49: 'tls.client_cert_refused',
  70: 'tls.protocol_version',
  71: 'tls.no_common_cipher',
  112: 'tls.sni',
  116: 'tls.client_cert_required',
}

/** undefined means that the error says nothing about TLS. */
export function reasonOfTlsError(error: Error & { code?: string }): string | undefined {
  const code = error.code ?? ''
  const known = certain[code] ?? ambiguous[code]
  if (known) return known
  const alert = /SSL alert number (\d+)/i.exec(error.message)
  if (alert) return alerts[Number(alert[1])] ?? 'tls.closed'
  const inner = /error:[0-9A-F]{8}:SSL routines:[^:]*:([^:]+)/i.exec(error.message)?.[1]
  const byText = inner && certain[`ERR_SSL_${inner.trim().toUpperCase().replaceAll(' ', '_')}`]
  if (byText) return byText
  if (code === 'UNSPECIFIED')
    return sentences.find(([text]) => text.test(error.message))?.[1] ?? 'tls.bad_signature'
  if (/before secure TLS connection was established/.test(error.message)) return 'tls.closed'
  if (code.startsWith('ERR_OSSL_') || code.startsWith('ERR_CRYPTO_')) return 'tls.our_config'
  return code === 'EPROTO' || code.startsWith('ERR_SSL_') ? 'tls.closed' : undefined
}
