/** The TLS handshake: there was no certificate to judge, or it was not the fault (experience.md §6.4). */
import type { Reason } from './reason.ts'

export const handshakeReasons = {
  'tls.plain_http': {
    title: 'its address says https, and its port speaks plain HTTP',
    severity: 'error',
    who: 'application_owner',
    cause: 'The port answered something that is not TLS.',
    remedy:
      'Register the port that speaks TLS, mostly 443. Plain http is possible only where the operator allows it for this application.',
    foreign: {
      node: ['ERR_SSL_WRONG_VERSION_NUMBER', 'ERR_SSL_PACKET_LENGTH_TOO_LONG', 'wrong version number'],
      java: ['Unsupported or unrecognized SSL message'],
      other: ['WRONG_VERSION_NUMBER', 'curl: (35)'],
    },
  },
  'http.https_port': {
    title: 'its address says http, and its port speaks TLS',
    severity: 'error',
    who: 'application_owner',
    cause: 'A plain request was sent to a TLS port.',
    remedy: 'Change the address to https://.',
    foreign: {
      node: ['other side closed'],
      java: ['Unexpected end of file from server'],
      other: ['The plain HTTP request was sent to HTTPS port', 'Empty reply from server'],
    },
  },
  'tls.protocol_version': {
    title: 'it speaks no version of TLS that is accepted here',
    severity: 'error',
    who: 'application_owner',
    cause: 'It speaks TLS 1.0 or 1.1 only.',
    remedy:
      'Let it speak TLS 1.2 and 1.3. An exception for one application has an end date; there is none for all.',
    commands: [
      { for: 'nginx', run: 'ssl_protocols TLSv1.2 TLSv1.3;' },
      { for: 'Java', run: 'use 8u261 or later' },
    ],
    foreign: {
      node: [
        'ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION',
        'ERR_SSL_UNSUPPORTED_PROTOCOL',
        'alert protocol version',
      ],
      java: ['Received fatal alert: protocol_version'],
      other: ['TLSV1_ALERT_PROTOCOL_VERSION'],
    },
  },
  'tls.no_common_cipher': {
    title: 'it has no cipher in common with this server',
    severity: 'error',
    who: 'application_owner',
    cause: 'The lists of ciphers or curves have nothing in common.',
    remedy: 'Use the "intermediate" list of Mozilla’s configuration generator.',
    foreign: {
      node: ['ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE', 'alert handshake failure'],
      java: ['Received fatal alert: handshake_failure'],
      other: ['SSLV3_ALERT_HANDSHAKE_FAILURE'],
    },
  },
  'tls.client_cert_required': {
    title: 'it demands a client certificate',
    severity: 'error',
    who: 'application_owner',
    cause: 'A proxy in front of it asks for mutual TLS.',
    remedy:
      'Exempt the sign-out path, since the logout token proves itself, or give this server a client certificate for the application.',
    commands: [
      {
        for: 'nginx',
        run: 'ssl_verify_client optional;   # and demand it in every location but the sign-out path',
      },
      {
        for: 'curfew.yaml',
        run: 'outbound.applications: { REALM/CLIENT: { client_certificate_file: …, client_key_file: … } }',
      },
    ],
    foreign: {
      node: ['ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED', 'alert certificate required'],
      java: ['Error writing to server', 'Received fatal alert: bad_certificate'],
      other: ['TLSV13_ALERT_CERTIFICATE_REQUIRED', 'curl: (56)'],
    },
  },
  'tls.client_cert_refused': {
    title: 'it does not accept the client certificate of this server',
    severity: 'error',
    who: 'application_owner',
    cause: 'The client certificate is expired, or issued by a CA that the application does not trust.',
    remedy: 'Give its owner the certificate’s issuer, or renew it.',
    foreign: {
      node: [
        'alert bad certificate',
        'alert unknown ca',
        'alert certificate expired',
        'alert certificate unknown',
      ],
      java: ['Received fatal alert: certificate_unknown'],
      other: ['TLSV1_ALERT_UNKNOWN_CA'],
    },
  },
  'tls.sni': {
    title: 'its web server has no site of this name',
    severity: 'error',
    who: 'application_owner',
    cause: 'The server hung up when the name of the address was asked for, and answers without it.',
    remedy: 'Correct the host in the address, or add it to the ingress or virtual host.',
    foreign: {
      node: ['ERR_SSL_TLSV1_UNRECOGNIZED_NAME', 'unrecognized name'],
      java: ['unrecognized_name'],
      other: ['UNEXPECTED_EOF_WHILE_READING'],
    },
  },
  'tls.closed': {
    title: 'its port closes the connection during the TLS handshake',
    severity: 'error',
    who: 'network',
    cause: 'A firewall, a load balancer without a back end, or the wrong port.',
    remedy: 'Test from this machine, and look at the load balancer’s back ends.',
    commands: [{ for: 'to check', run: 'openssl s_client -connect HOST:443 -servername HOST' }],
    foreign: {
      node: ['Client network socket disconnected before secure TLS connection was established'],
      java: ['Remote host terminated the handshake'],
      other: ['EOF occurred in violation of protocol'],
    },
  },
  'tls.silent': {
    title: 'its port is open, and nobody speaks TLS there',
    severity: 'error',
    who: 'application_owner',
    cause: 'The process hangs, or expects another protocol first.',
    remedy: 'Restart it; look whether it expects the PROXY protocol.',
    foreign: {
      node: ['UND_ERR_CONNECT_TIMEOUT'],
      java: ['SocketTimeoutException: Read timed out'],
      other: ['read timed out'],
    },
  },
  'tls.legacy_renegotiation': {
    title: 'it needs an unsafe form of TLS renegotiation',
    severity: 'error',
    who: 'application_owner',
    cause: 'A very old appliance.',
    remedy: 'Update its firmware.',
    foreign: {
      node: ['ERR_SSL_UNSAFE_LEGACY_RENEGOTIATION_DISABLED'],
      other: ['UNSAFE_LEGACY_RENEGOTIATION_DISABLED'],
    },
  },
  'tls.small_dh': {
    title: 'it offers a Diffie-Hellman key that is too small',
    severity: 'error',
    who: 'application_owner',
    cause: 'A very old appliance or configuration.',
    remedy: 'Update it, or use ECDHE ciphers.',
    foreign: {
      node: ['ERR_SSL_DH_KEY_TOO_SMALL'],
      java: ['DH ServerKeyExchange'],
      other: ['DH_KEY_TOO_SMALL'],
    },
  },
  'tls.our_config': {
    title: 'a trust file of this server cannot be used',
    severity: 'error',
    who: 'operator',
    cause: 'A CA file, client certificate or key is missing, unreadable or no PEM.',
    remedy: 'Correct the path or the file.',
    commands: [{ for: 'to check', run: 'openssl x509 -in FILE -noout -subject' }],
    foreign: {
      node: ['ERR_OSSL_PEM_', 'Ignoring extra certs from', 'ERR_CRYPTO_'],
      java: ['keystore password was incorrect'],
    },
  },
} as const satisfies Readonly<Record<string, Reason>>
