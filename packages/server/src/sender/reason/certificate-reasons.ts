/** The certificate itself: dates, names, purpose, strength, revocation (experience.md §6.4). */
import type { Reason } from './reason.ts'

const pathValidation = 'PKIX path validation failed: java.security.cert.CertPathValidatorException'

export const certificateReasons = {
  'tls.expired': {
    title: 'a certificate of its chain has expired',
    severity: 'error',
    who: 'application_owner',
    cause: 'The finding names which certificate of the chain, and since when.',
    remedy:
      'The server’s own: renew it; most often the file was renewed and the server not reloaded. An intermediate: replace it with the current one of the CA. A root: replace it in the trust list here; Java never checks the date of a trusted root, Node does.',
    commands: [
      { for: 'nginx', run: 'nginx -s reload' },
      { for: 'certbot', run: "certbot renew --deploy-hook 'nginx -s reload'" },
      {
        for: 'to check',
        run: 'openssl s_client -connect HOST:443 -servername HOST </dev/null | openssl x509 -noout -dates',
      },
    ],
    foreign: {
      node: ['CERT_HAS_EXPIRED', 'certificate has expired'],
      java: [
        `${pathValidation}: validity check failed`,
        'java.security.cert.CertificateExpiredException: NotAfter:',
      ],
      other: ['certificate has expired'],
    },
  },
  'tls.not_yet_valid': {
    title: 'a certificate of its chain is not valid yet',
    severity: 'error',
    who: 'application_owner',
    cause: 'The certificate is new, or a clock is wrong.',
    remedy:
      'If the clock of this machine is off, set it by NTP; otherwise wait, or issue the certificate again.',
    commands: [{ for: 'this machine', run: 'timedatectl set-ntp true' }],
    foreign: {
      node: ['CERT_NOT_YET_VALID', 'certificate is not yet valid'],
      java: ['java.security.cert.CertificateNotYetValidException: NotBefore:'],
      other: ['certificate is not yet valid'],
    },
  },
  'tls.hostname_mismatch': {
    title: 'its certificate is for other names than the one in the address',
    severity: 'error',
    who: 'application_owner',
    cause:
      'The registered address uses a name that is not in the certificate: an internal service name, or another environment.',
    remedy:
      'Register the address with a name of the certificate, or issue the certificate with this name. Where an internal name must be used, name the certificate’s own for this application.',
    commands: [
      {
        for: 'curfew.yaml',
        run: 'outbound.applications: { REALM/CLIENT: { tls_server_name: crm.example.com } }',
      },
    ],
    foreign: {
      node: [
        'ERR_TLS_CERT_ALTNAME_INVALID',
        'HOSTNAME_MISMATCH',
        "Hostname/IP does not match certificate's altnames",
      ],
      java: [
        'No subject alternative DNS name matching',
        "doesn't match any of the subject alternative names",
      ],
      other: [
        'Hostname mismatch, certificate is not valid for',
        'no alternative certificate subject name matches target host name',
      ],
    },
  },
  'tls.ip_not_in_cert': {
    title: 'its address is an IP address that is not in its certificate',
    severity: 'error',
    who: 'application_owner',
    cause: 'A certificate for a name does not hold for the address behind it.',
    remedy: 'Register the name instead of the address, or issue the certificate with the address (SAN IP:).',
    foreign: {
      node: ["is not in the cert's list"],
      java: ['No subject alternative names matching IP address'],
      other: ['IP address mismatch'],
    },
  },
  'tls.no_san': {
    title: 'its certificate names its host in the old way only',
    severity: 'error',
    who: 'application_owner',
    cause:
      'The certificate has a common name and no subject alternative name. Browsers and Python refuse it even where the common name matches.',
    remedy: 'Issue the certificate again with a subject alternative name.',
    commands: [{ for: 'openssl', run: 'openssl req … -addext subjectAltName=DNS:crm.example.com' }],
    foreign: {
      node: ["is not cert's CN"],
      java: ['No name matching'],
      other: ['ERR_CERT_COMMON_NAME_INVALID'],
    },
  },
  'tls.altname_format': {
    title: 'a name in its certificate is malformed',
    severity: 'error',
    who: 'application_owner',
    cause: 'The subject alternative names cannot be read.',
    remedy: 'Issue the certificate again.',
    foreign: { node: ['ERR_TLS_CERT_ALTNAME_FORMAT'] },
  },
  'tls.wrong_purpose': {
    title: 'its certificate is not meant for servers',
    severity: 'error',
    who: 'application_owner',
    cause: 'A client certificate is used as a server certificate.',
    remedy: 'Issue the certificate again for servers (extendedKeyUsage=serverAuth).',
    foreign: {
      node: ['INVALID_PURPOSE', 'unsuitable certificate purpose'],
      java: ['Extended key usage does not permit use for TLS server authentication'],
      other: ['unsuitable certificate purpose'],
    },
  },
  'tls.weak_key': {
    title: 'a key in its certificate chain is too short',
    severity: 'error',
    who: 'application_owner',
    cause: 'RSA keys under 2,048 bits are refused. Java still accepts 1,024 bits from a private CA.',
    remedy: 'Issue the certificate again with RSA of 2,048 bits or more, or with P-256.',
    foreign: {
      node: ['EE certificate key too weak', 'CA certificate key too weak'],
      other: ['EE certificate key too weak', 'EE_KEY_TOO_SMALL'],
    },
  },
  'tls.weak_hash': {
    title: 'a certificate of its chain is signed with SHA-1 or MD5',
    severity: 'error',
    who: 'application_owner',
    cause: 'These hash functions are broken. Java still accepts SHA-1 from a private CA.',
    remedy: 'Issue the certificate again with SHA-256.',
    foreign: {
      node: ['CA signature digest algorithm too weak'],
      other: ['CA signature digest algorithm too weak', 'CA_MD_TOO_WEAK'],
    },
  },
  'tls.field_format': {
    title: 'a date in its certificate is malformed',
    severity: 'error',
    who: 'application_owner',
    cause: 'The validity dates cannot be read.',
    remedy: 'Issue the certificate again.',
    foreign: {
      node: ['ERROR_IN_CERT_NOT_BEFORE_FIELD', 'ERROR_IN_CERT_NOT_AFTER_FIELD'],
      java: ['java.security.cert.CertificateParsingException'],
    },
  },
  'tls.revoked': {
    title: 'its certificate has been withdrawn by its CA',
    severity: 'error',
    who: 'application_owner',
    cause: 'It is on a revocation list that is configured here.',
    remedy: 'Find out why, and get a new certificate.',
    foreign: {
      node: ['CERT_REVOKED', 'certificate revoked'],
      java: ['java.security.cert.CertificateRevokedException'],
      other: ['certificate revoked'],
    },
  },
  'tls.crl': {
    title: 'the revocation list for its CA is missing or stale here',
    severity: 'error',
    who: 'operator',
    cause:
      'Revocation lists are configured, and the one that is needed is absent, expired or broken. Every CA of the chain needs its own, as a separate file.',
    remedy: 'Run the job that renews the lists, or remove the setting.',
    commands: [{ for: 'to check', run: 'openssl crl -in list.pem -noout -issuer -nextupdate' }],
    foreign: {
      node: [
        'UNABLE_TO_GET_CRL',
        'CRL_HAS_EXPIRED',
        'CRL_NOT_YET_VALID',
        'CRL_SIGNATURE_FAILURE',
        'UNABLE_TO_DECRYPT_CRL_SIGNATURE',
        'ERROR_IN_CRL_LAST_UPDATE_FIELD',
        'ERROR_IN_CRL_NEXT_UPDATE_FIELD',
      ],
      java: ['Could not determine revocation status'],
      other: ['unable to get certificate CRL'],
    },
  },
} as const satisfies Readonly<Record<string, Reason>>
