/** What is registered, and what the operator allows (experience.md §6.4). */
import type { Reason } from './reason.ts'

export const configurationReasons = {
  'config.no_channel': {
    title: 'nobody told this server where to send sign-outs',
    severity: 'warning',
    who: 'operator',
    cause: 'It has no back-channel address, admin URL, SAML logout address, stream or front-channel address.',
    remedy: 'Register one, or mark it as known to have none. Until then its sessions end by themselves.',
    commands: [
      { for: 'curfew', run: 'curfew app set CLIENT --backchannel-logout-url https://…' },
      { for: 'curfew, to mark it', run: 'curfew app set CLIENT --single-sign-out none' },
    ],
  },
  'config.bad_url': {
    title: 'its address cannot be used',
    severity: 'error',
    who: 'operator',
    cause:
      'It does not parse, has a user name in it, has characters that do not belong there, or is longer than 2,048.',
    remedy: 'Correct the address.',
  },
  'config.plain_http': {
    title: 'its address is http, so the token would travel in clear',
    severity: 'error',
    who: 'application_owner',
    cause: 'Plain http is called only where the operator names the host or network.',
    remedy: 'Use https; or allow exactly this host.',
    commands: [{ for: 'curfew', run: '--outbound-allow crm.internal:80' }],
  },
  'config.fragment': {
    title: 'its address has a fragment',
    severity: 'error',
    who: 'operator',
    cause: 'The specification forbids it (Back-Channel Logout 1.0 §2.2).',
    remedy: 'Register the address without the part from # on.',
  },
  'config.own_host': {
    title: 'its address is this server itself',
    severity: 'error',
    who: 'operator',
    cause: 'The address of the identity server was registered instead of the application’s.',
    remedy: 'Register the host of the application.',
  },
  'config.localhost_in_container': {
    title: 'its address is localhost, which is this container itself',
    severity: 'error',
    who: 'operator',
    cause: 'In a container localhost is the container, not the machine.',
    remedy: 'Use the name of the service, or host.docker.internal.',
    commands: [{ for: 'Docker Compose', run: 'extra_hosts: ["host.docker.internal:host-gateway"]' }],
  },
  'config.host_differs': {
    title: 'its sign-out address is on another host than its sign-in addresses',
    severity: 'warning',
    who: 'operator',
    cause: 'Often the address of another environment.',
    remedy: 'Confirm or correct it.',
  },
  'config.both_channels': {
    title: 'it has a front-channel and a back-channel address',
    severity: 'info',
    who: 'operator',
    cause: 'Both are used, the back-channel first. Keycloak would have used the front channel alone.',
    remedy: 'Remove the front-channel address if the back channel works.',
  },
  'config.placeholder': {
    title: 'its address contains a placeholder',
    severity: 'error',
    who: 'operator',
    cause: 'A host taken from a request must never shape an address that the server calls (CVE-2026-4874).',
    remedy: 'Register one address, or that of the load balancer.',
  },
  'policy.private_address': {
    title: 'its address is private, and not allowed',
    severity: 'error',
    who: 'operator',
    cause: 'The server calls private, loopback and link-local addresses only where the operator says so.',
    remedy:
      'Allow it for this application only. There is no switch for all; link-local and metadata addresses need a second one.',
    commands: [
      { for: 'curfew', run: '--outbound-allow 10.1.2.3/32:8443' },
      {
        for: 'curfew.yaml',
        run: "outbound.applications: { REALM/CLIENT: { allow_private_network: ['10.1.2.3/32:8443'] } }",
      },
    ],
    foreign: { node: ['link-local or metadata address'] },
  },
  'policy.port': {
    title: 'its port is not called',
    severity: 'error',
    who: 'operator',
    cause:
      'Only 443, 8443 and ports that the operator lists are called; ports of mail, databases and the like never.',
    remedy: 'Add the port for this application.',
    commands: [{ for: 'curfew', run: '--outbound-allow crm.example.com:9443' }],
  },
} as const satisfies Readonly<Record<string, Reason>>
