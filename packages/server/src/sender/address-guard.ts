/**
 * The outbound guard: may the server call this address? Pure; asked at registration and again at every connect.
 *
 * Invariants
 * - Decisions are made on the parsed URL and on address bytes, never on text.
 * - An address that carries another one (IPv4-mapped, -translated, -compatible, NAT64, 6to4, Teredo) is never better
 *   than the address inside.
 * - Fail closed: what cannot be parsed is refused.
 *
 * @see security.md, outbound guard; OWASP ASVS 5.0 1.3.6, 13.2.4, 15.3.2
 */
import {
  type Cidr,
  contains,
  formatIpAddress,
  type IpAddress,
  parseCidr,
  parseHostAsIp,
  parseIpAddress,
} from './ip-address.ts'
import {
  entryNamesAddress,
  entryNamesHost,
  forbiddenOutboundPorts,
  type OutboundPolicy,
  portsInclude,
} from './outbound-policy.ts'

/** Reason codes of experience.md §6.4 that the guard gives. */
export type GuardReason =
  | 'config.bad_url'
  | 'config.fragment'
  | 'config.own_host'
  | 'config.placeholder'
  | 'config.plain_http'
  | 'policy.port'
  | 'policy.private_address'

export interface GuardRefusal {
  readonly ok: false
  readonly reason: GuardReason
  /** One sentence with what was seen; it may name an address, so it is for operators, not for an application's owner. */
  readonly detail: string
}

/** What is to be called, as parsed from a URL. */
export interface OutboundTarget {
  readonly host: string
  readonly port: number
  readonly isPlainHttp: boolean
}

export type AddressJudgement = { readonly ok: true } | GuardRefusal
export type UrlJudgement =
  | {
      readonly ok: true
      readonly url: URL
      readonly target: OutboundTarget
      readonly literal: IpAddress | undefined
    }
  | GuardRefusal

export const urlCharactersMax = 2048

/** Link-local and the metadata services of clouds: credentials of the machine itself. The second switch's. */
const linkLocal = cidrs([
  '169.254.0.0/16',
  'fe80::/10',
  'fec0::/10',
  '100.100.100.200/32', // Alibaba Cloud
  '168.63.129.16/32', // Azure
  '192.0.0.192/32', // Oracle Cloud
  'fd00:ec2::/32', // Amazon
  'fd20:ce::254/128', // Google Cloud
])

/** Not an address of one application: no entry lets these in. 0/8 and :: reach loopback on Linux. */
const unusable = cidrs(['0.0.0.0/8', '224.0.0.0/4', '240.0.0.0/4', '::/128', 'ff00::/8'])

const loopback = cidrs(['127.0.0.0/8', '::1/128'])

/** The rest of the deny list of security.md, and every IPv6 address that is not global unicast, 2000::/3 (RFC 4291 §2.4). */
const special = cidrs([
  '::/3',
  '4000::/2',
  '8000::/1',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.31.196.0/24',
  '192.52.193.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '192.175.48.0/24',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '::/96',
  '64:ff9b::/96',
  '64:ff9b:1::/48',
  '100::/64',
  '2001::/23',
  '2001:db8::/32',
  '2002::/16',
  '3fff::/20',
  '5f00::/16',
  'fc00::/7',
])

const mapped = cidr('::ffff:0:0/96')

/** Where an IPv6 address carries an IPv4 address, and at which byte. Teredo's is inverted (RFC 4380 §4). */
const carriers: readonly { readonly cidr: Cidr; readonly at: number; readonly isInverted?: boolean }[] = [
  { cidr: cidr('::/96'), at: 12 },
  { cidr: cidr('::ffff:0:0:0/96'), at: 12 },
  { cidr: cidr('64:ff9b::/96'), at: 12 },
  { cidr: cidr('64:ff9b:1::/48'), at: 12 },
  { cidr: cidr('2002::/16'), at: 2 },
  { cidr: cidr('2001::/32'), at: 12, isInverted: true },
]

export type AddressClass = 'public' | 'loopback' | 'private' | 'link_local' | 'unusable'

/** The class of one address without looking inside; IPv4-mapped addresses are their IPv4 address. */
export function classifyAddress(address: IpAddress): AddressClass {
  if (isIn(linkLocal, address)) return 'link_local'
  if (isIn(unusable, address)) return 'unusable'
  if (isIn(loopback, address)) return 'loopback'
  return isIn(special, address) ? 'private' : 'public'
}

/**
 * Judges one resolved address for one target. Reasons: `policy.private_address`, `policy.port`,
 * `config.plain_http`. Text that is not an address is refused.
 */
export function judgeAddress(
  ip: IpAddress | string,
  policy: OutboundPolicy,
  target: OutboundTarget,
): AddressJudgement {
  const address = typeof ip === 'string' ? parseIpAddress(ip) : ip
  if (!address) return refuse('policy.private_address', `"${String(ip)}" is not an address`)
  if (contains(mapped, address)) return judgeAddress(address.slice(12), policy, target)
  const inner = innerAddress(address)
  if (inner) {
    const judged = judgeOne(
      inner,
      policy,
      target,
      `${formatIpAddress(address)} carries ${formatIpAddress(inner)},`,
    )
    if (!judged.ok) return judged
  }
  return judgeOne(address, policy, target, formatIpAddress(address))
}

function judgeOne(
  address: IpAddress,
  policy: OutboundPolicy,
  target: OutboundTarget,
  shown: string,
): AddressJudgement {
  const { host, port } = target
  if (forbiddenOutboundPorts.has(port)) return refuse('policy.port', `port ${port} is never called`)
  const kind = classifyAddress(address)
  if (kind === 'unusable') return refuse('policy.private_address', `${shown} is not the address of a server`)
  if (kind === 'loopback' && policy.isDev) return { ok: true }
  const isNamed = policy.allow.some(
    (entry) => entryNamesAddress(entry, address, port, policy) || entryNamesHost(entry, host, port, policy),
  )
  if (kind === 'link_local' && !(isNamed && policy.allowLinkLocal)) {
    return refuse('policy.private_address', `${shown} is a link-local or metadata address`)
  }
  if (isNamed) return { ok: true }
  if (kind !== 'public') {
    return refuse('policy.private_address', `${shown} is a ${kind} address that is not allowed`)
  }
  return judgePublicPort(policy, target)
}

/**
 * Judges an address of an application before anything is resolved: form, scheme, port, literal addresses and our
 * own host. What depends on the resolved address is judged again by `judgeAddress` at every connect.
 */
export function judgeUrl(text: string, policy: OutboundPolicy): UrlJudgement {
  const malformed = judgeUrlText(text)
  if (malformed) return malformed
  const url = URL.parse(text)
  if (!url || url.hostname === '') return refuse('config.bad_url', 'the address is not a complete URL')
  if (url.protocol !== 'https:' && url.protocol !== 'http:') {
    return refuse('config.bad_url', `the scheme is ${url.protocol.slice(0, -1)}, not https`)
  }
  if (url.username !== '' || url.password !== '')
    return refuse('config.bad_url', 'the address contains a user name')
  if (isOwn(url, policy.ownUrl)) return refuse('config.own_host', 'the address is this server itself')
  const isPlainHttp = url.protocol === 'http:'
  const port = url.port === '' ? (isPlainHttp ? 80 : 443) : Number(url.port)
  const target = { host: url.hostname, port, isPlainHttp }
  const literal = parseHostAsIp(url.hostname)
  const judged = literal ? judgeAddress(literal, policy, target) : judgeName(policy, target)
  return judged.ok ? { ok: true, url, target, literal } : judged
}

function judgeUrlText(text: string): GuardRefusal | undefined {
  if (text.length > urlCharactersMax)
    return refuse('config.bad_url', `the address is longer than ${urlCharactersMax}`)
  if (/\$\{|\*/.test(text)) return refuse('config.placeholder', 'the address contains a placeholder')
  // `URL` repairs these silently, so the text that a person reads would not be the address that is called.
  const odd = /[^\x21-\x7e]|\\/.exec(text)
  if (odd)
    return refuse(
      'config.bad_url',
      `the address contains ${JSON.stringify(odd[0])} at position ${odd.index + 1}`,
    )
  if (!/^[a-z][a-z0-9+.-]*:\/\/[^/]/i.test(text))
    return refuse('config.bad_url', 'the address is not a complete URL')
  if (text.includes('#')) return refuse('config.fragment', 'the address has a fragment')
  return undefined
}

/** A name whose addresses are not known yet: refused only when no address could make it right. */
function judgeName(policy: OutboundPolicy, target: OutboundTarget): AddressJudgement {
  const { host, port } = target
  if (forbiddenOutboundPorts.has(port)) return refuse('policy.port', `port ${port} is never called`)
  if (policy.isDev) return { ok: true }
  const couldBeNamed = policy.allow.some((entry) =>
    entry.kind === 'cidr'
      ? portsInclude(entry.ports, port, policy)
      : entryNamesHost(entry, host, port, policy),
  )
  if (couldBeNamed) return { ok: true }
  return judgePublicPort(policy, target)
}

function judgePublicPort(policy: OutboundPolicy, { port, isPlainHttp }: OutboundTarget): AddressJudgement {
  if (isPlainHttp && !policy.allowPlainHttp)
    return refuse('config.plain_http', 'the address is http, not https')
  if (policy.ports.includes(port) || (isPlainHttp && port === 80)) return { ok: true }
  return refuse('policy.port', `port ${port} is not one of ${policy.ports.join(', ')}`)
}

function isOwn(url: URL, own: URL | undefined): boolean {
  if (own?.origin !== url.origin) return false
  const base = own.pathname.endsWith('/') ? own.pathname : `${own.pathname}/`
  return url.pathname === own.pathname || url.pathname.startsWith(base)
}

function innerAddress(address: IpAddress): IpAddress | undefined {
  const carrier = carriers.find((one) => contains(one.cidr, address))
  if (!carrier || isIn(loopback, address) || isIn(unusable, address)) return undefined
  const inner = address.slice(carrier.at, carrier.at + 4)
  return carrier.isInverted ? inner.map((byte) => byte ^ 0xff) : inner
}

function isIn(list: readonly Cidr[], address: IpAddress): boolean {
  return list.some((one) => contains(one, address))
}

function refuse(reason: GuardReason, detail: string): GuardRefusal {
  return { ok: false, reason, detail }
}

function cidrs(list: readonly string[]): readonly Cidr[] {
  return list.map(cidr)
}

function cidr(text: string): Cidr {
  const parsed = parseCidr(text)
  if (!parsed) throw new TypeError(`not a network: ${text}`)
  return parsed
}
