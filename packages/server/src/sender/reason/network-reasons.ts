/** Below TLS: names, connections, the egress proxy (experience.md §6.4). */
import type { Reason } from './reason.ts'

export const networkReasons = {
  'dns.not_found': {
    title: 'its host name is unknown from this machine',
    severity: 'error',
    who: 'application_owner',
    cause: 'A typing error, or a name that only another network knows.',
    remedy:
      'Correct the address, or register a name that this machine resolves. In Kubernetes use the full name svc.namespace.svc.cluster.local.',
    commands: [{ for: 'to check', run: 'getent hosts HOST' }],
    foreign: {
      node: ['ENOTFOUND'],
      java: ['UnknownHostException'],
      other: ['Could not resolve host', 'curl: (6)'],
    },
  },
  'dns.temporary': {
    title: 'the name server did not answer',
    severity: 'error',
    who: 'network',
    cause: 'The resolver of this machine is down or slow.',
    remedy: 'It is tried again. Look at /etc/resolv.conf and, in Kubernetes, at CoreDNS.',
    foreign: { node: ['EAI_AGAIN'], other: ['Temporary failure in name resolution'] },
  },
  'dns.only_ipv6': {
    title: 'it has an IPv6 address only, and this machine has no IPv6',
    severity: 'error',
    who: 'network',
    cause: 'The name has no A record, or there is no route.',
    remedy: 'Publish an A record, or give this machine IPv6.',
    foreign: { node: ['ENETUNREACH'] },
  },
  'net.refused': {
    title: 'nothing listens at its address',
    severity: 'error',
    who: 'application_owner',
    cause: 'The application is down, the port is wrong, or it listens on 127.0.0.1 only.',
    remedy: 'Start it, or correct the port.',
    foreign: {
      node: ['ECONNREFUSED'],
      java: ['Connection refused'],
      other: ['Connection refused', 'curl: (7)'],
    },
  },
  'net.timeout': {
    title: 'no connection to its address comes about',
    severity: 'error',
    who: 'network',
    cause: 'A firewall drops the packets.',
    remedy: 'Open the way out from this machine to the address.',
    foreign: {
      node: ['ETIMEDOUT', 'UND_ERR_CONNECT_TIMEOUT'],
      java: ['connect timed out'],
      other: ['Connection timed out', 'curl: (28)'],
    },
  },
  'net.unreachable': {
    title: 'there is no route to its address',
    severity: 'error',
    who: 'network',
    cause: 'Routing, often IPv6 without a route.',
    remedy: 'Correct the routing, or publish an address of the other kind.',
    foreign: {
      node: ['EHOSTUNREACH', 'ENETUNREACH'],
      java: ['No route to host', 'Network is unreachable'],
      other: ['No route to host'],
    },
  },
  'net.reset': {
    title: 'it broke off the connection without an answer',
    severity: 'error',
    who: 'application_owner',
    cause:
      'A web application firewall, a crash, or a connection that it had just closed. The request may have been carried out.',
    remedy: 'It is tried again. Look at its log and at the firewall’s at the time of the attempt.',
    foreign: {
      node: ['ECONNRESET', 'UND_ERR_SOCKET', 'socket hang up'],
      java: ['Connection reset'],
      other: ['Connection reset by peer', 'RemoteDisconnected'],
    },
  },
  'net.proxy_refused': {
    title: 'the egress proxy does not allow its address',
    severity: 'error',
    who: 'operator',
    cause: 'The proxy answered the CONNECT with a refusal.',
    remedy:
      'Allow the address in the proxy, or except it with NO_PROXY. The application’s tries are not used up.',
    foreign: { other: ['Tunnel connection failed: 403', 'CONNECT tunnel failed, response 403'] },
  },
  'net.proxy_auth': {
    title: 'the egress proxy wants credentials',
    severity: 'error',
    who: 'operator',
    cause: 'The proxy answered 407.',
    remedy:
      'Put the credentials into the proxy’s address (http://user:password@proxy:3128). The application’s tries are not used up.',
    foreign: { other: ['Tunnel connection failed: 407', 'CONNECT tunnel failed, response 407'] },
  },
  'net.proxy_error': {
    title: 'the egress proxy failed',
    severity: 'error',
    who: 'operator',
    cause: 'The proxy cannot be reached, or could not reach the address (5xx).',
    remedy: 'Look at the proxy. While the proxy itself is away the application’s tries are not used up.',
    foreign: { other: ['Tunnel connection failed: 502', 'CONNECT tunnel failed, response 502'] },
  },
} as const satisfies Readonly<Record<string, Reason>>
