/** Chain and trust: the certificate does not end at one that is trusted here (experience.md §6.4). */
import type { Reason } from './reason.ts'

const pathBuilding =
  'PKIX path building failed: sun.security.provider.certpath.SunCertPathBuilderException: unable to find valid certification path to requested target'
const pathValidation = 'PKIX path validation failed: java.security.cert.CertPathValidatorException'

export const chainReasons = {
  'tls.chain_incomplete': {
    title: 'its web server does not send the intermediate certificate',
    severity: 'error',
    who: 'application_owner',
    cause:
      'The web server sends its own certificate but not that of the CA that issued it. Browsers repair this silently, servers cannot.',
    remedy:
      'Serve the full chain: the certificate, then the intermediates. The missing certificate is printed with the finding. Until then it can be trusted here for this application alone, with an end date.',
    commands: [
      {
        for: 'nginx',
        run: 'ssl_certificate /etc/ssl/fullchain.pem;   # not cert.pem, then: nginx -s reload',
      },
      { for: 'Apache 2.4.8+', run: 'SSLCertificateFile /etc/ssl/fullchain.pem' },
      { for: 'HAProxy', run: 'cat cert.pem key.pem intermediate.pem > site.pem' },
      { for: 'Kubernetes', run: 'kubectl create secret tls site --cert=fullchain.pem --key=key.pem' },
      { for: 'Node', run: "createServer({ cert: readFileSync('fullchain.pem'), key })" },
      {
        for: 'Java',
        run: 'keytool -importcert -trustcacerts -alias intermediate -file intermediate.pem -keystore site.p12',
      },
      { for: 'to check', run: 'openssl s_client -connect HOST:443 -servername HOST -showcerts </dev/null' },
    ],
    foreign: {
      node: ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'unable to verify the first certificate'],
      java: [pathBuilding],
      other: ['unable to get local issuer certificate', 'curl: (60)'],
    },
  },
  'tls.untrusted_root': {
    title: 'its certificate comes from a CA that is not trusted here',
    severity: 'error',
    who: 'operator',
    cause: 'The certificate was issued by a company or private CA that this server does not know.',
    remedy:
      'Add the root certificate of that CA, after comparing its fingerprint with the CA team. If this machine trusts it already, switch its list on. Do not switch verification off.',
    commands: [
      { for: 'curfew', run: 'curfew trust add corp-root.pem' },
      { for: 'curfew.yaml', run: 'trust.ca_files: [/etc/curfew/corp-root.pem]' },
      { for: 'curfew.yaml, if the machine trusts it', run: 'trust.use_system_ca: true' },
    ],
    foreign: {
      node: [
        'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
        'SELF_SIGNED_CERT_IN_CHAIN',
        'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
        'unable to get local issuer certificate',
        'self-signed certificate in certificate chain',
      ],
      java: [pathBuilding],
      other: ['unable to get local issuer certificate', 'self-signed certificate in certificate chain'],
    },
  },
  'tls.self_signed': {
    title: 'it made its own certificate',
    severity: 'error',
    who: 'application_owner',
    cause: 'No CA has signed the certificate.',
    remedy:
      'Get one from your CA or from Let’s Encrypt. For a test, trust exactly this certificate for this application.',
    commands: [{ for: 'curfew', run: 'curfew trust pin APPLICATION --fingerprint SHA256:…' }],
    foreign: {
      node: ['DEPTH_ZERO_SELF_SIGNED_CERT', 'self-signed certificate'],
      java: [pathBuilding],
      other: ['self-signed certificate'],
    },
  },
  'tls.wrong_intermediate': {
    title: 'its web server sends an intermediate of the right name with the wrong key',
    severity: 'error',
    who: 'application_owner',
    cause:
      'The CA has renewed its intermediate, and the new certificate is served with the old intermediate.',
    remedy: 'Replace the intermediate with the one that was issued with the new certificate.',
    foreign: {
      node: ['UNABLE_TO_VERIFY_LEAF_SIGNATURE'],
      java: [`${pathValidation}: signature check failed`],
      other: ['unable to get local issuer certificate'],
    },
  },
  'tls.renewed_root': {
    title: 'its CA has a new root certificate; the old one is trusted here',
    severity: 'error',
    who: 'operator',
    cause: 'The CA has replaced its root by one of the same name. The finding shows both fingerprints.',
    remedy: 'Add the new root, and keep the old one until all applications have moved.',
    commands: [{ for: 'curfew', run: 'curfew trust add new-root.pem' }],
    foreign: {
      node: ['UNABLE_TO_GET_ISSUER_CERT_LOCALLY', 'SELF_SIGNED_CERT_IN_CHAIN'],
      java: [`${pathValidation}: Path does not chain with any of the trust anchors`],
      other: ['self-signed certificate in certificate chain'],
    },
  },
  'tls.anchor_is_not_root': {
    title: 'its chain ends at a trusted certificate that is not a root',
    severity: 'error',
    who: 'operator',
    cause:
      'The trust list here holds an intermediate or the server certificate without its root. Java accepts that, Node does not.',
    remedy: 'Import the root, or allow partial chains.',
    commands: [{ for: 'curfew.yaml', run: 'trust.allow_partial_chain: true' }],
    foreign: {
      node: ['UNABLE_TO_GET_ISSUER_CERT', 'unable to get issuer certificate'],
      other: ['unable to get issuer certificate'],
    },
  },
  'tls.bad_ca': {
    title: 'an issuer in its chain is not allowed to issue certificates',
    severity: 'error',
    who: 'application_owner',
    cause:
      'A home-made CA certificate lacks CA:TRUE or the permission to sign certificates, or is of X.509 version 1.',
    remedy:
      'Make the CA certificate again with the right extensions, and issue the server certificate again.',
    commands: [
      {
        for: 'openssl',
        run: 'openssl req -x509 -newkey rsa:3072 -nodes -keyout ca.key -out ca.pem -days 3650 -subj "/CN=Corp CA" -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign',
      },
    ],
    foreign: {
      node: [
        'INVALID_PURPOSE',
        'INVALID_CA',
        'unsuitable certificate purpose',
        'key usage does not include certificate signing',
      ],
      java: [`${pathValidation}: basic constraints check failed: this is not a CA certificate`],
      other: ['invalid CA certificate'],
    },
  },
  'tls.path_length': {
    title: 'its chain has more levels than its upper CA permits',
    severity: 'error',
    who: 'application_owner',
    cause: 'The upper CA certificate limits the number of levels below it.',
    remedy: 'Issue the certificate from a permitted level.',
    foreign: {
      node: ['PATH_LENGTH_EXCEEDED', 'CERT_CHAIN_TOO_LONG', 'path length constraint exceeded'],
      java: [`${pathValidation}: basic constraints check failed: pathLenConstraint violated`],
      other: ['path length constraint exceeded'],
    },
  },
  'tls.name_constraint': {
    title: 'its CA may not issue certificates for this host name',
    severity: 'error',
    who: 'application_owner',
    cause: 'The CA is limited to certain domains, and this host is outside of them.',
    remedy: 'Use a host name that is permitted, or another CA.',
    foreign: {
      node: ['permitted subtree violation', 'excluded subtree violation'],
      java: [`${pathValidation}: name constraints check failed`],
      other: ['permitted subtree violation'],
    },
  },
  'tls.critical_extension': {
    title: 'its certificate has an extension that must be understood and is not',
    severity: 'error',
    who: 'application_owner',
    cause: 'The certificate marks an extension as critical that no common software knows.',
    remedy: 'Issue the certificate again without that extension.',
    foreign: {
      node: ['unhandled critical extension'],
      java: [`${pathValidation}: unrecognized critical extension(s)`],
      other: ['unhandled critical extension'],
    },
  },
  'tls.bad_signature': {
    title: 'a signature in its certificate chain is wrong',
    severity: 'error',
    who: 'application_owner',
    cause: 'The certificate file is damaged, or a device on the way replaces certificates.',
    remedy:
      'Install the certificate again. If it is right on the server, look for TLS inspection on the way.',
    foreign: {
      node: [
        'CERT_SIGNATURE_FAILURE',
        'UNABLE_TO_DECRYPT_CERT_SIGNATURE',
        'UNABLE_TO_DECODE_ISSUER_PUBLIC_KEY',
        'certificate signature failure',
      ],
      java: [`${pathValidation}: signature check failed`, 'Signature does not match.'],
      other: ['certificate signature failure'],
    },
  },
  'tls.untrusted_purpose': {
    title: 'trust settings explicitly forbid its certificate',
    severity: 'error',
    who: 'operator',
    cause: 'A trust list of this machine marks the certificate as distrusted for servers.',
    remedy: 'Remove the entry that distrusts it, if it should be trusted.',
    foreign: { node: ['CERT_UNTRUSTED', 'CERT_REJECTED'] },
  },
} as const satisfies Readonly<Record<string, Reason>>
